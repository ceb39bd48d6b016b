package streams_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

type table = streams.Table[string, string]

// tables are the two ways to a table of topic in.
var tables = map[string]func(*streams.Builder) *table{
	"TableFrom": func(b *streams.Builder) *table { return streams.TableFrom(b, in, rows) },
	"ToTable":   func(b *streams.Builder) *table { return streams.From(b, in).ToTable(rows) },
}

func TestATableIsTheLatestArrivalOfEachKey(t *testing.T) {
	for name, from := range tables {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			from(b).ToStream().To(out)
			d := drive(t, b)
			pipe(d,
				rec("k", "new", 10), rec("k", "older", 5), // the later arrival wins
				rec("k", "older", 6),                 // repeats are told
				nullValue("l", 7),                    // was not there: nothing goes on
				nullValue("k", 8), nullValue("k", 9), // deleted once
				nullKey("lost", 11), rec("k", "", 12),
			)
			require.Equal(t, []record{
				rec("k", "new", 10), rec("k", "older", 5), rec("k", "older", 6), nullValue("k", 8), rec("k", "", 12),
			}, testkit.Output(d, out).Read())
			require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped())
			require.Equal(t, []state.Row[string, string]{{Key: "k", Value: "", Timestamp: 12}}, testkit.Rows(d, rows))
		})
	}
}

// changes is what a table makes of records, as a stream.
func changes(t *testing.T, steps func(*table) *table, records ...record) []record {
	t.Helper()
	b := streams.NewBuilder("app")
	steps(streams.TableFrom(b, in, rows)).ToStream().To(out)
	d := drive(t, b)
	pipe(d, records...)
	return testkit.Output(d, out).Read()
}

func TestATableFilterDeletesOnlyRowsThatWereVisible(t *testing.T) {
	for name, filter := range map[string]func(*table) *table{
		"Filter":    func(t *table) *table { return t.Filter(isA) },
		"FilterNot": func(t *table) *table { return t.FilterNot(func(v string) bool { return !isA(v) }) },
		"FilterRecord": func(t *table) *table {
			return t.FilterRecord(func(r record) (bool, error) { return r.Value == "a" && r.Key == "k", nil })
		},
	} {
		got := changes(t, filter,
			rec("k", "b", 1), nullValue("k", 2), // never visible
			rec("k", "a", 3), rec("k", "b", 4), rec("k", "c", 5), // deleted once
			rec("k", "a", 6), nullValue("k", 7))
		require.Equal(t, []record{rec("k", "a", 3), nullValue("k", 4), rec("k", "a", 6), nullValue("k", 7)}, got, name)
	}
}

func TestMapTableValuesMapsRowsAndNotDeletes(t *testing.T) {
	got := changes(t, func(t *table) *table { return streams.TableMapValues(t, strings.ToUpper) },
		rec("k", "a", 1), nullValue("k", 2))
	require.Equal(t, []record{rec("k", "A", 1), nullValue("k", 2)}, got)
}

func TestMapTableValuesRecordTakesRowsOut(t *testing.T) {
	unlessB := func(r record) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: r.Key + r.Value, OK: r.Value != "b"}, nil
	}
	got := changes(t, func(t *table) *table { return streams.TableMapValuesRecord(t, unlessB) },
		rec("k", "b", 1), rec("k", "a", 2), rec("k", "b", 3), nullValue("k", 4))
	require.Equal(t, []record{rec("k", "ka", 2), nullValue("k", 3)}, got)
}

func TestMaterializeKeepsTheRowsOfATable(t *testing.T) {
	kept := state.NewKeyValue("kept", serde.String, serde.String)
	b := streams.NewBuilder("app")
	streams.TableFrom(b, in, rows).Filter(isA).Materialize(kept).ToStream().To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "b", 2), rec("m", "a", 3), rec("m", "b", 4))
	require.Equal(t, []record{rec("k", "a", 1), rec("m", "a", 3), nullValue("m", 4)}, testkit.Output(d, out).Read())
	require.Equal(t, []state.Row[string, string]{{Key: "k", Value: "a", Timestamp: 1}}, testkit.Rows(d, kept))
	require.Len(t, testkit.Rows(d, rows), 3)
}

func TestToStreamKeyGivesAnotherKey(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.ToStreamKey(streams.TableFrom(b, in, rows), keyUnless("none")).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "abc", 1), rec("k", "none", 2), nullValue("k", 3))
	require.Equal(t, []record{rec("a", "abc", 1), nullKey("none", 2), nullValue("null", 3)},
		testkit.Output(d, out).Read())
}
