package streams_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func TestMapValuesLeavesNullValues(t *testing.T) {
	got := through(t, func(s *stream) *stream { return streams.MapValues(s, strings.ToUpper) },
		rec("k", "a", 1), rec("k", "", 2), nullValue("k", 3), nullKey("b", 4))
	require.Equal(t, []record{rec("k", "A", 1), rec("k", "", 2), nullValue("k", 3), nullKey("B", 4)}, got)
}

func TestMapValuesRecordMakesAndTakesNulls(t *testing.T) {
	flip := func(r record) (streams.Optional[string], error) {
		if r.NullValue {
			return streams.Some("was null"), nil
		}
		return streams.None[string](), nil
	}
	got := through(t, func(s *stream) *stream { return streams.MapValuesRecord(s, flip) },
		rec("k", "a", 1), nullValue("k", 2))
	require.Equal(t, []record{nullValue("k", 1), rec("k", "was null", 2)}, got)
}

func TestMapTakesKeyValueAndNullsFromTheResult(t *testing.T) {
	swap := func(r record) (record, error) {
		return record{Key: r.Value, NullKey: r.NullValue, Value: r.Key, NullValue: r.NullKey}, nil
	}
	got := through(t, func(s *stream) *stream { return streams.Map(s, swap) },
		rec("k", "v", 1), nullValue("k", 2), nullKey("v", 3))
	require.Equal(t, []record{rec("v", "k", 1), nullKey("k", 2), nullValue("v", 3)}, got)
}

func TestFlatMapEmitsAnyNumber(t *testing.T) {
	each := func(r record, emit func(record) error) error {
		for _, w := range strings.Fields(r.Value) {
			if err := emit(record{Key: w, Value: r.Key}); err != nil {
				return err
			}
		}
		return nil
	}
	got := through(t, func(s *stream) *stream { return streams.FlatMap(s, each) }, rec("k", "x y", 1), rec("k", "", 2))
	require.Equal(t, []record{rec("x", "k", 1), rec("y", "k", 1)}, got)
}

func TestFlatMapValuesKeepsTheKeyAndLetsNullsPass(t *testing.T) {
	got := through(t, func(s *stream) *stream { return streams.FlatMapValues(s, strings.Fields) },
		rec("k", "x y", 1), rec("k", "", 2), nullValue("k", 3), nullKey("z", 4))
	require.Equal(t, []record{rec("k", "x", 1), rec("k", "y", 1), nullValue("k", 3), nullKey("z", 4)}, got)
}

func TestFlatMapValuesRecordMakesAndTakesNulls(t *testing.T) {
	both := func(r record, emit func(streams.Optional[string]) error) error {
		if err := emit(streams.None[string]()); err != nil {
			return err
		}
		return emit(streams.Optional[string]{Value: r.Value + "!", OK: !r.NullValue})
	}
	got := through(t, func(s *stream) *stream { return streams.FlatMapValuesRecord(s, both) },
		rec("k", "a", 1), nullValue("k", 2))
	require.Equal(t, []record{nullValue("k", 1), rec("k", "a!", 1), nullValue("k", 2), nullValue("k", 2)}, got)
}

func first(v string) string { return v[:1] }

func TestSelectKeyMakesANullKeyOfANullValue(t *testing.T) {
	got := through(t, func(s *stream) *stream { return streams.SelectKey(s, first) },
		rec("k", "abc", 1), nullKey("b", 2), nullValue("k", 3))
	require.Equal(t, []record{rec("a", "abc", 1), rec("b", "b", 2), {NullKey: true, NullValue: true, Timestamp: 3}}, got)
}

// keyUnless is the first letter of the value as key, none for one value; nulls have the key null.
func keyUnless(value string) func(record) (streams.Optional[string], error) {
	return func(r record) (streams.Optional[string], error) {
		switch {
		case r.NullValue:
			return streams.Some("null"), nil
		case r.Value == value:
			return streams.None[string](), nil
		}
		return streams.Some(first(r.Value)), nil
	}
}

func TestSelectKeyRecordMakesAndTakesNulls(t *testing.T) {
	got := through(t, func(s *stream) *stream { return streams.SelectKeyRecord(s, keyUnless("none")) },
		rec("k", "abc", 1), rec("k", "none", 2), nullValue("k", 3))
	require.Equal(t, []record{rec("a", "abc", 1), nullKey("none", 2), nullValue("null", 3)}, got)
}

func TestGroupByDropsNullKeysBeforeTheTopicAndNullValuesBehindIt(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.GroupByRecord(streams.From(b, in), keyUnless("none"), rekey).Count(tally).ToStream().To(counts)
	d := drive(t, b)
	pipe(d, rec("k", "abc", 1), rec("k", "none", 2), nullValue("k", 3), rec("l", "axe", 4))
	require.Equal(t, []streams.Record[string, int64]{
		{Key: "a", Value: 1, Timestamp: 1}, {Key: "a", Value: 2, Timestamp: 4},
	}, testkit.Output(d, counts).Read())
	require.Equal(t, drops{streams.DropNullKey: 1, streams.DropNullValue: 1}, d.Dropped())
}

func TestGroupByGivesNullValuesNoGroup(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.GroupBy(streams.From(b, in), first, rekey).Count(tally)
	d := drive(t, b)
	pipe(d, nullValue("k", 1))
	require.Empty(t, testkit.Rows(d, tally))
	require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped())
}

func TestRepartitionBringsRecordsOfAKeyTogether(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.SelectKey(streams.From(b, in), first).Repartition(rekey)
	s.GroupByKey().Count(tally)
	d := drive(t, b, testkit.Partitions(4))
	for i := range 40 {
		pipe(d, rec(string(rune('a'+i)), "x", int64(i)), rec(string(rune('a'+i)), "y", int64(i)))
	}
	total := map[string]int64{}
	for _, row := range testkit.Rows(d, tally) {
		require.NotContains(t, total, row.Key, "a key is in two tasks")
		total[row.Key] = row.Value
	}
	require.Equal(t, map[string]int64{"x": 40, "y": 40}, total)
}

func TestRepartitionDropsNullKeysAndCountsThem(t *testing.T) {
	got := func(topic streams.Repartition[string, string]) ([]record, drops) {
		b := streams.NewBuilder("app")
		streams.From(b, in).Repartition(topic).To(out)
		d := drive(t, b)
		pipe(d, nullKey("a", 1), nullValue("k", 2))
		return testkit.Output(d, out).Read(), d.Dropped()
	}
	records, dropped := got(rekey)
	require.Equal(t, []record{nullValue("k", 2)}, records)
	require.Equal(t, drops{streams.DropNullKey: 1}, dropped)

	records, dropped = got(rekey.KeepNullKeys())
	require.Equal(t, []record{nullKey("a", 1), nullValue("k", 2)}, records)
	require.Empty(t, dropped)
}

func TestRepartitionHasThePartitionsOfItsLargestSourceOrItsOwn(t *testing.T) {
	of := func(topic streams.Repartition[string, string]) int32 {
		b := streams.NewBuilder("app")
		streams.From(b, in).Merge(streams.From(b, other)).Repartition(topic).To(out)
		p, err := compiled(t, b).Partitions(map[string]int32{"in": 3, "other": 5})
		require.NoError(t, err)
		return p.Topics["app-rekey-repartition"]
	}
	require.Equal(t, int32(5), of(rekey))
	require.Equal(t, int32(2), of(rekey.Partitions(2)))
}
