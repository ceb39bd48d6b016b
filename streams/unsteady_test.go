package streams_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// tags are written in one order and in the other, by turns, as in Go's walk over a map, which is random.
type tags map[string]int

func (t tags) String() string { return fmt.Sprint(map[string]int(t)) }

var turn atomic.Int64

var unsteady = serde.New("tags", func(dst []byte, v tags) ([]byte, error) {
	names := slices.Sorted(maps.Keys(v))
	if turn.Add(1)%2 == 0 {
		slices.Reverse(names)
	}
	for _, name := range names {
		dst = fmt.Appendf(dst, "%s=%d,", name, v[name])
	}
	return dst, nil
}, func(src []byte) (v tags, err error) {
	v = tags{}
	for rest := string(src); rest != ""; {
		var name string
		var n int
		if _, err = fmt.Sscanf(rest, "%1s=%d,", &name, &n); err != nil {
			return nil, err
		}
		v[name] = n
		rest = rest[len(name)+len(fmt.Sprint(n))+2:]
	}
	return v, nil
})

type byTag = streams.Stream[tags, string]

// byTags gives text another key.
func byTags(s *stream) *byTag {
	return streams.SelectKey(s, func(v string) tags { return tags{"a": len(v), "b": 2, "c": 3} }).MarkAsPartitioned()
}

// TestKeysWithoutFixedBytes are found wherever bytes decide, and no policy hides them.
func TestKeysWithoutFixedBytes(t *testing.T) {
	first := func(v string) tags { return tags{"a": len(v), "b": 2, "c": 3} }
	through := streams.NewRepartition("through", unsteady, serde.String)
	plain := state.NewKeyValue("plain", unsteady, serde.String)
	perTags := state.NewKeyValue("tally", unsteady, serde.Int64)
	for name, c := range map[string]struct {
		describe func(s *stream, b *streams.Builder)
		says     string
	}{
		"a topic's key": {func(s *stream, _ *streams.Builder) {
			byTags(s).To(streams.NewTopic("tagged", unsteady, serde.String))
		}, "step sink-"},
		"a group": {func(s *stream, _ *streams.Builder) { streams.GroupBy(s, first, through).Count(perTags) },
			"key for topic app-through-repartition"},
		"a repartition": {func(s *stream, _ *streams.Builder) { byTags(s).Repartition(through) },
			"key for topic app-through-repartition"},
		"a table's key":  {func(s *stream, _ *streams.Builder) { byTags(s).ToTable(plain) }, "store plain"},
		"an aggregation": {func(s *stream, _ *streams.Builder) { byTags(s).GroupByKey().Count(perTags) }, "store tally"},
		"windows": {func(s *stream, _ *streams.Builder) {
			byTags(s).GroupByKey().WindowedBy(tumbling(10, 0)).Count(state.NewWindow("per-ten", unsteady, serde.Int64))
		}, "store per-ten"},
		"sliding windows": {func(s *stream, _ *streams.Builder) {
			byTags(s).GroupByKey().WindowedBy(window.Sliding(time.Second)).Count(
				state.NewWindow("per-ten", unsteady, serde.Int64))
		}, "store per-ten"},
		"sessions": {func(s *stream, _ *streams.Builder) {
			byTags(s).GroupByKey().SessionsBy(window.Sessions(time.Second)).Count(
				state.NewSession("visits", unsteady, serde.Int64))
		}, "store visits"},
		"a versioned table": {func(s *stream, _ *streams.Builder) {
			byTags(s).ToVersionedTable(state.NewVersioned("versions", unsteady, serde.String, time.Hour))
		}, "store versions"},
		"a join of streams": {func(s *stream, _ *streams.Builder) {
			streams.JoinStreams(byTags(s), byTags(s), window.Within(time.Second),
				state.NewJoin("pairs", unsteady, serde.String, serde.String), glue)
		}, "store pairs"},
		"duplicates": {func(s *stream, _ *streams.Builder) {
			streams.Deduplicate(s, first, time.Second, state.NewWindow("passed", unsteady, serde.Bool))
		}, "store passed"},
		"a group of a table": {func(s *stream, _ *streams.Builder) {
			tagged := func(_, v string) (tags, string) { return first(v), v }
			streams.TableGroupBy(s.ToTable(rows), tagged, through).Count(perTags)
		}, "topic app-through-repartition"},
		"a suppressed table": {func(s *stream, _ *streams.Builder) {
			byTags(s).GroupByKey().Count(state.NewKeyValue("tally", steadyTags, serde.Int64)).
				Suppress(streams.HoldFor(time.Second), state.NewSuppress("held", unsteady, serde.Int64))
		}, "step suppress-"},
		"a foreign key": {func(s *stream, b *streams.Builder) {
			right := streams.TableFrom(b, streams.NewTopic("right", steadyTags, serde.String),
				state.NewKeyValue("right", steadyTags, serde.String))
			via := streams.NewForeignKey("fk", serde.String, unsteady, serde.String, serde.String)
			streams.JoinForeignKey(s.ToTable(rows), right, via, state.NewKeyValue("joined", serde.String, serde.String),
				func(_, v string) streams.Optional[tags] { return streams.Some(first(v)) }, glue)
		}, "topic app-fk-subscription-registration-topic"},
		"rows of a join by foreign key": {func(s *stream, b *streams.Builder) {
			left := streams.TableMapValues(s.ToTable(rows), first)
			right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String))
			via := streams.NewForeignKey("fk", serde.String, serde.String, unsteady, serde.String)
			streams.JoinForeignKey(left, right, via, state.NewKeyValue("joined", serde.String, serde.String),
				func(string, tags) streams.Optional[string] { return streams.Some("r") },
				func(tags, string) string { return "" })
		}, "step subscribe-"},
		"a global table": {func(s *stream, b *streams.Builder) {
			table := streams.GlobalTableFrom(b, streams.NewTopic("all", steadyTags, serde.String), plain)
			streams.JoinGlobal(s, table, first, glue)
		}, "store plain"},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			c.describe(streams.From(b, in), b)
			d, err := testkit.NewDriver(build(t, b), testkit.Skip())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			for i := 0; i < 20 && d.Err() == nil; i++ {
				testkit.Input(d, in).Pipe("k", "value", time.UnixMilli(int64(i)))
			}
			require.ErrorIs(t, d.Err(), serde.ErrUnsteady)
			require.ErrorContains(t, d.Err(), c.says)
			require.ErrorContains(t, d.Err(), "map[a:5 b:2 c:3] by serde *serde.functions[")
			require.ErrorContains(t, d.Err(), "have it write maps in a fixed order")
		})
	}
}

// steadyTags is a serde of the same type that is as it should be.
var steadyTags = serde.New("tags", func(dst []byte, v tags) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}, func(src []byte) (v tags, err error) { return v, json.Unmarshal(src, &v) })

// TestAClockWithinAKey: bytes that depend on something else than the value are found, too.
func TestAClockWithinAKey(t *testing.T) {
	n := 0
	counting := serde.New("counting", func(dst []byte, v string) ([]byte, error) {
		n++
		return fmt.Appendf(dst, "%s-%d", v, n), nil
	}, func(src []byte) (string, error) { return string(src), nil })
	b := streams.NewBuilder("app")
	streams.From(b, in).ToTable(state.NewKeyValue("plain", counting, serde.String))
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	pipe(d, rec("k", "v", 1))
	require.ErrorIs(t, d.Err(), serde.ErrUnsteady)
	require.ErrorContains(t, d.Err(), "state: store plain: key: k by serde")
	var failed *streams.ProcessError
	require.ErrorAs(t, d.Err(), &failed)
	require.Equal(t, "table-1", failed.Node)
}

// TestValuesThatNobodyComparesMayVary, as those of a map in a topic that another program reads.
func TestValuesThatNobodyComparesMayVary(t *testing.T) {
	b := streams.NewBuilder("app")
	values := streams.MapValues(streams.From(b, in), func(v string) tags { return tags{"a": len(v), "b": 2} })
	values.ToTable(state.NewKeyValue("values", serde.String, unsteady)).ToStream().
		To(streams.NewTopic("tagged", serde.String, unsteady))
	d := drive(t, b)
	for i := range 50 {
		pipe(d, rec("k", "v", int64(i)))
	}
	require.Empty(t, d.Dropped())
}
