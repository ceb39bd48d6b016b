package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func orNull(v streams.Optional[string]) string {
	if !v.OK {
		return "null"
	}
	return v.Value
}

// joins are the four forms, all writing value/row.
var joins = map[string]func(*stream, *table) *stream{
	"Join": func(s *stream, t *table) *stream {
		return streams.Join(s, t, func(v, row string) string { return v + "/" + row })
	},
	"JoinRecord": func(s *stream, t *table) *stream {
		join := func(r record, row streams.Optional[string]) (streams.Optional[string], error) {
			return streams.Some(r.Value + "/" + row.Value), nil
		}
		return streams.JoinRecord(s, t, streams.Inner, join)
	},
	"LeftJoin": func(s *stream, t *table) *stream {
		return streams.LeftJoin(s, t, func(v string, row streams.Optional[string]) string {
			return v + "/" + orNull(row)
		})
	},
	"JoinRecord, left": func(s *stream, t *table) *stream {
		join := func(r record, row streams.Optional[string]) (streams.Optional[string], error) {
			return streams.Some(r.Value + "/" + orNull(row)), nil
		}
		return streams.JoinRecord(s, t, streams.Left, join)
	},
}

func isLeft(name string) bool { return name == "LeftJoin" || name == "JoinRecord, left" }

// joined sends rows to the table's topic, then records to the stream's.
func joined(t *testing.T, join func(*stream, *table) *stream, tableRows, records []record) ([]record, *testkit.Driver) {
	t.Helper()
	b := streams.NewBuilder("app")
	join(streams.From(b, in), streams.TableFrom(b, other, rows)).To(out)
	d := drive(t, b)
	for _, r := range tableRows {
		testkit.Input(d, other).PipeRecord(r)
	}
	require.Empty(t, testkit.Output(d, out).Read(), "the table triggers nothing")
	pipe(d, records...)
	return testkit.Output(d, out).Read(), d
}

func TestAStreamJoinsTheRowAsItIsNow(t *testing.T) {
	for name, join := range joins {
		t.Run(name, func(t *testing.T) {
			got, d := joined(t, join,
				[]record{rec("k", "old", 1), rec("k", "row", 20), rec("gone", "row", 2), nullValue("gone", 3)},
				[]record{withHeader(rec("k", "a", 5), "h"), rec("gone", "b", 6), rec("none", "c", 7)})
			want := []record{withHeader(rec("k", "a/row", 5), "h")} // the record's time, though the row is newer
			if isLeft(name) {
				want = append(want, rec("gone", "b/null", 6), rec("none", "c/null", 7))
			}
			require.Equal(t, want, got)
			require.Empty(t, d.Dropped(), "a record without a row is no drop")
		})
	}
}

func TestJoinsAndNulls(t *testing.T) {
	for name, join := range joins {
		t.Run(name, func(t *testing.T) {
			got, d := joined(t, join, []record{rec("", "row", 1)},
				[]record{
					nullKey("a", 2), nullValue("", 3), {NullKey: true, NullValue: true, Timestamp: 4}, rec("", "", 5),
				})
			if isLeft(name) {
				require.Equal(t, []record{nullKey("a/null", 2), rec("", "/row", 5)}, got)
				require.Equal(t, int64(2), total(d.Dropped()))
				require.Equal(t, int64(1), d.Dropped()[streams.DropNullValue])
			} else {
				require.Equal(t, []record{rec("", "/row", 5)}, got)
				require.Equal(t, drops{streams.DropNullKey: 2, streams.DropNullValue: 1}, d.Dropped())
			}
		})
	}
}

func total(d drops) (n int64) {
	for _, count := range d {
		n += count
	}
	return n
}

func TestAJoinSeesATableThroughItsSteps(t *testing.T) {
	got, _ := joined(t, func(s *stream, t *table) *stream {
		marked := streams.TableMapValues(t, func(v string) string { return v + "!" })
		long := marked.Filter(func(v string) bool { return len(v) > 2 })
		return joins["LeftJoin"](s, long)
	}, []record{rec("k", "row", 1), rec("short", "r", 2)}, []record{rec("k", "a", 3), rec("short", "b", 4)})
	require.Equal(t, []record{rec("k", "a/row!", 3), rec("short", "b/null", 4)}, got)
}

func TestAJoinWithAnAggregateSeesTheRecordsBefore(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	count := s.GroupByKey().Reduce(rows, concat) // declared first: it has each record before the join has
	joins["Join"](s, count).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("k", "b", 2))
	require.Equal(t, []record{rec("k", "a/a", 1), rec("k", "b/a+b", 2)}, testkit.Output(d, out).Read())
}

func TestAJoinRecordMayMakeANullValueOfANone(t *testing.T) {
	none := func(record, streams.Optional[string]) (streams.Optional[string], error) {
		return streams.None[string](), nil
	}
	got, _ := joined(t, func(s *stream, t *table) *stream { return streams.JoinRecord(s, t, streams.Inner, none) },
		[]record{rec("k", "row", 1)}, []record{rec("k", "a", 2)})
	require.Equal(t, []record{nullValue("k", 2)}, got)
}

func TestALeftJoinBehindARepartitionTopicThatKeepsNullKeys(t *testing.T) {
	got, d := joined(t, func(s *stream, t *table) *stream {
		byFirst := streams.SelectKeyRecord(s, keyUnless("none"))
		return joins["LeftJoin"](byFirst.Repartition(rekey.KeepNullKeys()), t)
	}, []record{rec("a", "row", 1)}, []record{rec("k", "abc", 2), rec("k", "none", 3)})
	require.Equal(t, []record{rec("a", "abc/row", 2), nullKey("none/null", 3)}, got)
	require.Empty(t, d.Dropped())
}

func TestTopicsThatAreJoinedNeedEqualNumbersOfPartitions(t *testing.T) {
	b := streams.NewBuilder("app")
	s, table := streams.From(b, in), streams.TableFrom(b, other, rows).Filter(isA)
	joins["Join"](s, table).To(out)
	topo := compiled(t, b)
	_, err := topo.Partitions(map[string]int32{"in": 3, "other": 3})
	require.NoError(t, err)
	_, err = topo.Partitions(map[string]int32{"in": 3, "other": 4})
	var mismatch *streams.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, map[string]int32{"in": 3, "other": 4}, mismatch.Counts)
	require.Contains(t, mismatch.Site, "join_test.go")
}
