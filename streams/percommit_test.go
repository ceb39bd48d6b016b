package streams_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// thinned joins the values of each key, and tells of a row once a commit.
func thinned(b *streams.Builder) *stream {
	s := streams.From(b, in)
	streams.PerCommit(s.GroupByKey().Reduce(rows, concat)).ToStream().To(out)
	return s
}

func TestEachRowHasOneChangePerCommit(t *testing.T) {
	b := streams.NewBuilder("app")
	thinned(b)
	d := drive(t, b, testkit.CommitEvery(0), testkit.CacheBytes(1))
	got := testkit.Output(d, out)
	pipe(d, rec("k", "a", 9), rec("l", "b", 2), withHeader(rec("k", "c", 3), "last"))
	require.Empty(t, got.Read())
	d.Commit()
	require.Equal(t, []record{withHeader(rec("k", "a+c", 9), "last"), rec("l", "b", 2)}, got.Read(),
		"in the order of the first change, with what the last one had")
	d.Commit()
	require.Empty(t, got.Read())
	pipe(d, rec("l", "d", 10))
	d.Commit()
	require.Equal(t, []record{rec("l", "b+d", 10)}, got.Read())
}

func TestEveryPartitionTellsOfItsRows(t *testing.T) {
	b := streams.NewBuilder("app")
	thinned(b)
	d := drive(t, b, testkit.CommitEvery(0), testkit.Partitions(4))
	for _, key := range []string{"a", "b", "c", "d", "a", "b", "c", "d"} {
		pipe(d, rec(key, "x", 1))
	}
	d.Commit()
	require.ElementsMatch(t, []record{rec("a", "x+x", 1), rec("b", "x+x", 1), rec("c", "x+x", 1), rec("d", "x+x", 1)},
		testkit.Output(d, out).Read())
}

func TestARowThatCameAndWentInOneCommitIsNoNews(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.PerCommit(streams.TableFrom(b, in, rows)).ToStream().To(out)
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), nullValue("k", 2))
	d.Commit()
	require.Empty(t, testkit.Output(d, out).Read())
	pipe(d, rec("k", "b", 3))
	d.Commit()
	pipe(d, rec("k", "c", 4), nullValue("k", 5))
	d.Commit()
	require.Equal(t, []record{rec("k", "b", 3), nullValue("k", 5)}, testkit.Output(d, out).Read())
}

// What stands behind must see a change from the row that was told last, or sums would drift.
func TestGroupsBehindPerCommit(t *testing.T) {
	b := streams.NewBuilder("app")
	thin := streams.PerCommit(streams.TableFrom(b, in, rows))
	streams.TableGroupBy(thin, valueTwice, rekey).Count(tally).ToStream().To(counts)
	d := drive(t, b, testkit.CommitEvery(0), testkit.Partitions(2))
	pipe(d, rec("k", "x", 1), rec("k", "y", 2), rec("l", "y", 3))
	d.Commit()
	pipe(d, rec("k", "z", 4), rec("k", "y", 5), rec("l", "x", 6))
	d.Commit()
	require.Equal(t, map[string]int64{"x": 1, "y": 1}, testkit.Latest(testkit.Output(d, counts)))
}

func TestOnePerCommitBehindAnother(t *testing.T) {
	b := streams.NewBuilder("app")
	once := streams.PerCommit(streams.TableFrom(b, in, rows))
	streams.PerCommit(once.Filter(func(v string) bool { return v != "hidden" })).ToStream().To(out)
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("l", "hidden", 3))
	d.Commit()
	require.Equal(t, []record{rec("k", "b", 2)}, testkit.Output(d, out).Read())
}

func TestUpdatesOfWindowsPerCommit(t *testing.T) {
	perCommit := func(t *windowTable) *results { return streams.WindowedPerCommit(t) }
	d := windowDriver(t, tumbling(10, 0), reduced, perCommit, testkit.CommitEvery(3))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("k", "c", 11), rec("k", "d", 12), rec("l", "e", 12), rec("k", "f", 13))
	require.Equal(t, []record{
		rec("k@[0,10)", "a+b", 2), rec("k@[10,20)", "c", 11),
		rec("k@[10,20)", "c+d+f", 13), rec("l@[10,20)", "e", 12),
	}, testkit.Output(d, out).Read())
}

// The record that fails behind the step leaves nothing of itself: neither a row of its own, nor its change of another.
func TestPerCommitForgetsARecordThatFailed(t *testing.T) {
	b := streams.NewBuilder("app")
	thinned(b).ForEach(failOn("bad"))
	d := drive(t, b, testkit.CommitEvery(0), testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("l", "bad", 2), rec("k", "bad", 3), rec("m", "b", 4))
	pipe(d, rec("k", "c", 5), rec("k", "bad", 6))
	d.Commit()
	require.Equal(t, []record{rec("k", "a+c", 5), rec("m", "b", 4)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropProcess: 3}, d.Dropped())
}

func TestPerCommitAcrossAccidents(t *testing.T) {
	inTwo := []record{rec("k", "a+c", 3), rec("l", "b", 2), rec("k", "a+c+d", 4)}
	inOne := []record{rec("k", "a+c+d", 4), rec("l", "b", 2)}
	want := map[string][]record{
		"restart": inTwo, "lost state": inTwo, "crash behind a commit": inTwo,
		"crash before a commit": inOne, "crash in a commit": inOne,
	}
	for name, happen := range accidents {
		b := streams.NewBuilder("app")
		thinned(b)
		d := drive(t, b, testkit.CommitEvery(0))
		pipe(d, rec("k", "a", 1), rec("l", "b", 2), rec("k", "c", 3))
		happen(d)
		pipe(d, rec("k", "d", 4))
		d.Commit()
		require.Equal(t, want[name], testkit.Output(d, out).Read(), name)
	}
}

// TestRowsPerCommitAreToldApartByBytes: what is one key for the store is one here, and no other.
func TestRowsPerCommitAreToldApartByBytes(t *testing.T) {
	zero, nan := 0.0, math.NaN()
	readings := streams.NewTopic("readings", serde.Float64, serde.String)
	per := state.NewKeyValue("per", serde.Float64, serde.String)
	b := streams.NewBuilder("app")
	streams.PerCommit(streams.From(b, readings).GroupByKey().Reduce(per, concat)).ToStream().
		To(streams.NewTopic("joined", serde.Float64, serde.String))
	d := drive(t, b, testkit.CommitEvery(0))
	for i, key := range []float64{zero, zero, nan, math.Copysign(0, -1), nan, zero} {
		testkit.Input(d, readings).Pipe(key, string(rune('a'+i)), time.UnixMilli(int64(i)))
	}
	d.Commit()
	var got []string
	for _, r := range testkit.Output(d, streams.NewTopic("joined", serde.Float64, serde.String)).Read() {
		got = append(got, fmt.Sprintln(math.Signbit(r.Key), r.Key, r.Value))
	}
	require.Equal(t, []string{"false 0 a+b+f\n", "false NaN c+e\n", "true -0 d\n"}, got)
}

// TestTimesOfAllZonesAreOneRowPerCommit: a serde that writes the moment makes one key of the same moment in two zones,
// which == does not.
func TestTimesOfAllZonesAreOneRowPerCommit(t *testing.T) {
	moment := serde.New("moment", func(dst []byte, at time.Time) ([]byte, error) {
		return binary.BigEndian.AppendUint64(dst, uint64(at.UnixMilli())), nil
	}, func(src []byte) (time.Time, error) {
		ms, err := serde.Int64.Decode(src)
		return time.UnixMilli(ms), err
	})
	b := streams.NewBuilder("app")
	byTime := streams.GroupByRecord(streams.From(b, in), func(r record) (streams.Optional[time.Time], error) {
		if r.Value == "a" {
			return streams.Some(time.UnixMilli(7).UTC()), nil
		}
		return streams.Some(time.UnixMilli(7).In(time.FixedZone("east", 3600))), nil
	}, streams.NewRepartition("by-time", moment, serde.String))
	perMoment := state.NewKeyValue("per-moment", moment, serde.String)
	to := streams.NewTopic("moments", moment, serde.String)
	streams.PerCommit(byTime.Reduce(perMoment, concat)).ToStream().To(to)
	windows := streams.WindowedAggregate(byTime.WindowedBy(tumbling(10, 0)),
		state.NewWindow("moments-in-windows", moment, serde.String),
		func() string { return "" }, func(_ time.Time, v, sum string) string { return sum + v })
	windowed := streams.NewTopic("windowed", window.TimeKey(moment, tumbling(10, 0)), serde.String)
	streams.WindowedResults(streams.WindowedPerCommit(windows)).To(windowed)
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2))
	d.Commit()
	got := testkit.Output(d, to).Read()
	require.Len(t, got, 1)
	require.Equal(t, "a+b", got[0].Value)
	inWindows := testkit.Output(d, windowed).Read()
	require.Len(t, inWindows, 1)
	require.Equal(t, "ab", inWindows[0].Value)
}

// TestPerCommitAgainstAModel: each commit has the keys that came since the last one, in their order; the empty one is
// one of them.
func TestPerCommitAgainstAModel(t *testing.T) {
	b := streams.NewBuilder("app")
	thinned(b)
	d := drive(t, b, testkit.CommitEvery(0))
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rows, order := map[string]string{}, []string(nil)
		for i := range random.IntN(40) {
			key, value := "", "x"
			for range random.IntN(4) {
				key += string(rune('a' + random.IntN(3)))
			}
			pipe(d, rec(key, value, int64(i)))
			if _, ok := rows[key]; !ok {
				order = append(order, key)
			}
			rows[key] += value
		}
		d.Commit()
		var got []string
		for _, r := range testkit.Output(d, out).Read() {
			got = append(got, r.Key)
		}
		require.Equal(t, order, got)
	}
}
