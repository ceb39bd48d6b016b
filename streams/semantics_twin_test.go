package streams_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

// twin is a slow model of a topology from topic in to topic out. It keeps all that ever came and works each answer out
// from the rules alone, with no thought of stores, expiry or restarts.
type twin interface {
	// take is what comes out when a record comes in, in order; nil for nothing.
	take(r record) []record
	// counts are the drops so far.
	counts() drops
}

// ledger counts the drops of a twin.
type ledger drops

func (l ledger) counts() drops { return drops(l) }

// rejects counts a record that an aggregate or an inner join drops for a null key or a null value.
func (l ledger) rejects(r record) bool {
	switch {
	case r.NullKey:
		l[streams.DropNullKey]++
	case r.NullValue:
		l[streams.DropNullValue]++
	default:
		return false
	}
	return true
}

// follows runs records through a topology twice. Left alone, each record must make what it makes of the twin, and
// count the same drops. With accidents between the records, and any cache, store and commit interval, the committed
// output must still be the same.
func follows(t *rapid.T, b *streams.Builder, w twin, records []record) {
	topo, err := b.Build()
	require.NoError(t, err)
	want := alone(t, topo, w, records)
	require.Equal(t, want, disturbed(t, topo, records))
}

func alone(t *rapid.T, topo *topology.Topology, w twin, records []record) (want []record) {
	d := openDriver(t, topo)
	got := testkit.Output(d, out)
	for i, r := range records {
		testkit.Input(d, in).PipeRecord(r)
		require.NoError(t, d.Err())
		step := w.take(r)
		require.Equal(t, step, got.Read(), "output of record %d, %s", i, show(r))
		want = append(want, step...)
	}
	require.Equal(t, fmt.Sprint(w.counts()), fmt.Sprint(d.Dropped()), "drops")
	return want
}

func disturbed(t *rapid.T, topo *topology.Topology, records []record) []record {
	options := []testkit.Option{
		testkit.CommitEvery(rapid.SampledFrom([]int{0, 1, 2, 3, 7}).Draw(t, "commit every")),
		testkit.CacheBytes(rapid.SampledFrom([]int64{1, 200, 2_000, 64 << 20}).Draw(t, "cache bytes")),
	}
	if rapid.IntRange(0, 7).Draw(t, "pebble if 7") == 7 {
		dir, err := os.MkdirTemp("", "twin")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		options = append(options, testkit.Pebble(dir))
	}
	d := openDriver(t, topo, options...)
	kinds := sortedKeys(accidents)
	for _, r := range records {
		testkit.Input(d, in).PipeRecord(r)
		if n := rapid.IntRange(0, 8*len(kinds)).Draw(t, "accident"); n > 0 && n <= len(kinds) {
			accidents[kinds[n-1]](d)
		}
		require.NoError(t, d.Err())
	}
	d.Commit()
	require.NoError(t, d.Err())
	return testkit.Output(d, out).Read()
}

// openDriver is a driver that lives as long as one try.
func openDriver(t *rapid.T, topo *topology.Topology, options ...testkit.Option) *testkit.Driver {
	d, err := testkit.NewDriver(topo, options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func show(r record) string {
	key, value := r.Key, r.Value
	if r.NullKey {
		key = "null"
	}
	if r.NullValue {
		value = "null"
	}
	return fmt.Sprintf("(%s, %s)@%d", key, value, r.Timestamp)
}

// shape is how records are drawn.
type shape struct {
	sides    []string // value prefixes, each the name of a branch; empty: one stream
	nullKeys bool
	jumps    bool // of stream time, by far
	sameTime bool // few different times
}

// drawRecords draws records of few keys, one of them the empty one, whose values tell them apart and whose times go
// forth and back. A null value is the text null behind the prefix of a side, and a real one where there are no sides.
func drawRecords(t *rapid.T, s shape) (records []record) {
	now, step := int64(0), int64(12)
	if s.sameTime {
		step = 2
	}
	for i := range rapid.IntRange(1, 50).Draw(t, "records") {
		r := rec(rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "key"), fmt.Sprint(i), 0)
		r.Timestamp = max(0, now+rapid.Int64Range(-2*step, step).Draw(t, "delta"))
		if s.jumps && rapid.IntRange(0, 15).Draw(t, "jump if 15") == 15 {
			r.Timestamp += rapid.Int64Range(0, 300).Draw(t, "jump")
		}
		now = max(now, r.Timestamp)
		r.NullKey = s.nullKeys && rapid.IntRange(0, 15).Draw(t, "null key if 15") == 15
		null := rapid.IntRange(0, 9).Draw(t, "null value if 9") == 9
		switch {
		case len(s.sides) > 0 && null:
			r.Value = rapid.SampledFrom(s.sides).Draw(t, "side") + ":null"
		case len(s.sides) > 0:
			r.Value = rapid.SampledFrom(s.sides).Draw(t, "side") + ":" + r.Value
		case null:
			r.Value, r.NullValue = "", true
		}
		if r.NullKey {
			r.Key = ""
		}
		records = append(records, r)
	}
	return records
}

// branch is the records of one side, without the prefix. Both sides of a join come from one topic, as the order of
// records decides and two topics have none between them.
func branch(s *stream, side string) *stream {
	mine := s.FilterRecord(func(r record) (bool, error) { return strings.HasPrefix(r.Value, side+":"), nil })
	return streams.MapValuesRecord(mine, func(r record) (streams.Optional[string], error) {
		_, value := sideOf(r)
		return streams.Optional[string]{Value: value.Value, OK: !value.NullValue}, nil
	})
}

// sideOf is what a branch makes of a record.
func sideOf(r record) (side string, of record) {
	side, value, _ := strings.Cut(r.Value, ":")
	r.Value = value
	if value == "null" {
		r.Value, r.NullValue = "", true
	}
	return side, r
}
