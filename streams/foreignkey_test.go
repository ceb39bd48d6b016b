package streams_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// A change takes its time to the right side and back; the left row may have changed again by then.
func TestALeftRowThatStopsPointingAnywhereLosesItsResult(t *testing.T) {
	for name, changes := range map[string][]record{
		"twice":               {rec("l", "nowhere", 3), rec("l", "still nowhere", 4)},
		"deleted, then back":  {nullValue("l", 3), rec("l", "nowhere", 4)},
		"nowhere, then gone":  {rec("l", "nowhere", 3), nullValue("l", 4)},
		"elsewhere, and gone": {rec("l", "s:", 3), rec("l", "nowhere", 4), rec("l", "still nowhere", 5)},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String))
			via := streams.NewForeignKey("via", serde.String, serde.String, serde.String, serde.String)
			streams.JoinForeignKey(streams.TableFrom(b, in, rows), right, via,
				state.NewKeyValue("joined", serde.String, serde.String),
				func(_, v string) streams.Optional[string] {
					key, _, ok := strings.Cut(v, ":")
					return streams.Optional[string]{Value: key, OK: ok}
				},
				func(l, r string) string { return l + r }).ToStream().To(out)
			d := drive(t, b, testkit.CommitEvery(0))
			testkit.Input(d, other).PipeRecord(rec("r", "right", 1))
			pipe(d, rec("l", "r:", 2))
			d.Commit()
			joined := testkit.Output(d, out)
			require.Equal(t, map[string]string{"l": "r:right"}, testkit.Latest(joined))

			pipe(d, changes...) // none is answered before the commit
			d.Commit()
			after := joined.Read()
			require.Len(t, after, 1)
			require.True(t, after[0].NullValue, "the result is still there: %v", after)
		})
	}
}

// The right table may be partitioned in a way of its own: those who point into it ask where its rows are.
func TestARightTableThatIsPartitionedInAnotherWay(t *testing.T) {
	byLength := func(key string, partitions int32) int32 { return int32(len(key)) % partitions }
	b := streams.NewBuilder("app")
	right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String))
	via := streams.NewForeignKey("via", serde.String, serde.String, serde.String, serde.String).RightPartition(byLength)
	streams.JoinForeignKey(streams.TableFrom(b, in, rows), right, via,
		state.NewKeyValue("joined", serde.String, serde.String),
		func(_, v string) streams.Optional[string] { return streams.Some(v) },
		func(l, r string) string { return l + "=" + r }).ToStream().To(out)
	d := drive(t, b, testkit.PartitionsOf("in", 2), testkit.PartitionsOf("other", 3))
	want := map[string]string{}
	for i, key := range []string{"a", "bb", "ccc", "dddd", "eeeee"} {
		put := func(v string) {
			raw := testkit.RawRecord{Key: []byte(key), Value: []byte(v), Timestamp: int64(i)}
			testkit.Input(d, other).PipeTo(byLength(key, 3), raw)
		}
		put("before")
		pipe(d, rec("left "+key, key, int64(i)))
		put("after")
		want["left "+key] = key + "=after"
	}
	d.Commit()
	require.Equal(t, want, testkit.Latest(testkit.Output(d, out)))
}

// TestSubscriptionsOfFormerBytes: rows of MessagePack with interfaces had other bytes before their integers became as
// short as can be, and what points at a right row has the hash of these.
func TestSubscriptionsOfFormerBytes(t *testing.T) {
	type row struct {
		To    string
		Count int64
		More  any
	}
	now := serde.Msgpack[row]()
	before := serde.New("msgpack", func(dst []byte, r row) ([]byte, error) {
		dst = append(append(dst, "\x83\xa2To"...), 0xa0|byte(len(r.To)))
		dst = append(append(dst, r.To...), "\xa5Count\xd3"...)
		return append(binary.BigEndian.AppendUint64(dst, uint64(r.Count)), "\xa4More\xc0"...), nil
	}, now.Decode)
	dir := t.TempDir()
	with := func(values serde.Serde[row]) *testkit.Driver {
		b := streams.NewBuilder("app")
		lefts := streams.NewTopic("in", serde.String, values)
		right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String))
		via := streams.NewForeignKey("via", serde.String, serde.String, values, serde.String)
		streams.JoinForeignKey(streams.TableFrom(b, lefts, state.NewKeyValue("left", serde.String, values)), right, via,
			state.NewKeyValue("joined", serde.String, serde.String),
			func(_ string, r row) streams.Optional[string] { return streams.Some(r.To) },
			func(_ row, r string) string { return r }).ToStream().To(out)
		return drive(t, b, testkit.Pebble(dir))
	}
	d := with(before)
	testkit.Input(d, other).PipeRecord(rec("r", "old", 1))
	testkit.Input(d, streams.NewTopic("in", serde.String, before)).PipeRecord(
		streams.Record[string, row]{Key: "l", Value: row{To: "r", Count: 7}, Timestamp: 2})
	d.Commit()
	require.Equal(t, map[string]string{"l": "old"}, testkit.Latest(testkit.Output(d, out)))
	require.NoError(t, d.Close())

	d = with(now)
	testkit.Input(d, other).PipeRecord(rec("r", "new", 3))
	d.Commit()
	require.Equal(t, map[string]string{"l": "new"}, testkit.Latest(testkit.Output(d, out)))
}

// TestRowsOfNoBytesAreJoined: a text that is empty is a row, and a key.
func TestRowsOfNoBytesAreJoined(t *testing.T) {
	b := streams.NewBuilder("app")
	left := streams.TableFrom(b, in, rows)
	right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String))
	kinds := map[string]streams.JoinKind{"inner": streams.Inner, "left": streams.Left}
	for name, kind := range kinds {
		via := streams.NewForeignKey("via-"+name, serde.String, serde.String, serde.String, serde.String)
		results := state.NewKeyValue("results-"+name, serde.String, serde.String)
		joined := streams.JoinForeignKeyRecord(left, right, via, results, kind,
			func(_, l string) optional { return streams.Some(l) },
			func(_, l string, r optional) (optional, error) { return streams.Some(l + "/" + orNull(r)), nil })
		streams.MapValues(joined.ToStream(), func(v string) string { return name + " " + v }).To(out)
	}
	for name, happen := range accidents {
		d := drive(t, b)
		pipe(d, rec("", "", 1), rec("k", "x", 1))
		happen(d)
		pipeOther(d, rec("", "", 2), rec("x", "", 3), rec("x", "X", 4))
		require.ElementsMatch(t, []string{"left /null", "left x/null", "inner /", "left /", "inner x/", "left x/", "inner x/X",
			"left x/X"}, values(d), name)
		happen(d)
		pipe(d, rec("l", "", 5))
		pipeOther(d, nullValue("", 6))
		got := testkit.Output(d, out).Read()
		require.Len(t, got, 6, name)
		require.ElementsMatch(t, []string{"inner /", "left /"}, []string{got[0].Value, got[1].Value}, name)
	}
}
