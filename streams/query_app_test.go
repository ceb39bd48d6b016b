package streams_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// queried is an application with a store of each kind over topic words, in memory and on disk, and a global table.
var (
	totals     = state.NewKeyValue("totals", serde.String, serde.Int64)
	remembered = state.NewKeyValue("totals-in-memory", serde.String, serde.Int64).InMemory()
	perMinute  = state.NewWindow("per-minute", serde.String, serde.Int64)
	calls      = state.NewSession("calls", serde.String, serde.Int64)
	kept       = state.NewVersioned("kept", serde.String, serde.String, time.Hour)
	reference  = state.NewKeyValue("reference", serde.String, serde.String)
	shortLived = state.NewKeyValue("short-lived", serde.String, serde.Int64).TTL(time.Hour)
)

func queried(b *streams.Builder) {
	s := streams.From(b, words)
	s.GroupByKey().Count(totals)
	s.GroupByKey().Count(remembered)
	s.GroupByKey().Count(shortLived)
	s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perMinute)
	s.GroupByKey().SessionsBy(window.Sessions(time.Minute)).Count(calls)
	streams.VersionedTableFrom(b, other, kept)
	streams.GlobalTableFrom(b, in, reference)
}

// wordsAt sends words of one key each, and gives the position behind them.
func (r *rig) wordsAt(records ...*kgo.Record) streams.Position {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DisableIdempotentWrite())
	require.NoError(r.t, err)
	defer client.Close()
	p := streams.Position{}
	for _, rec := range records {
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
		for topic, partitions := range streams.After(rec.Topic, rec.Partition, rec.Offset) {
			if p[topic] == nil {
				p[topic] = map[int32]int64{}
			}
			maps.Copy(p[topic], partitions)
		}
	}
	return p
}

func word(topic, key, value string, at int64) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(at)}
}

// TestViewReadsEachKind: over all tasks in the order of keys, of one key, and of one partition.
func TestViewReadsEachKind(t *testing.T) {
	r := newRig(t, "words", "other", "in")
	a, stop := r.start(queried, r.config(t.TempDir()))
	const minute = 60_000
	p := r.wordsAt(
		word("words", "a", "1", 0), word("words", "d", "1", minute), word("words", "f", "1", minute+1),
		word("words", "a", "2", minute), word("words", "a", "3", 10*minute), word("words", "e", "1", 2*minute),
	)
	versions := r.wordsAt(word("other", "a", "old", 10), word("other", "a", "new", 20), word("other", "b", "x", 5))
	globals := r.wordsAt(word("in", "x", "1", 1), word("in", "y", "2", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	for _, store := range []state.KeyValue[string, int64]{totals, remembered} {
		view, err := a.View(ctx, store, streams.AtLeast(p))
		require.NoError(t, err, r.log)
		rows := store.In(view)
		require.Equal(t, []string{"a=3", "d=1", "e=1", "f=1"}, listed(t, rows.All()))
		require.Equal(t, []string{"f=1", "e=1", "d=1", "a=3"}, listed(t, rows.Reverse()))
		require.Equal(t, []string{"d=1", "e=1"}, listed(t, rows.Range("b", "e")))
		require.Equal(t, []string{"e=1", "d=1"}, listed(t, rows.ReverseRange("b", "e")))
		require.Equal(t, []string{"f=1"}, listed(t, rows.Prefix([]byte("f"))))
		for key, want := range map[string]int64{"a": 3, "d": 1, "e": 1, "f": 1} {
			got, ok, err := rows.Get(key)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, want, got)
		}
		_, ok, err := rows.Get("nobody")
		require.NoError(t, err)
		require.False(t, ok)
		require.ErrorIs(t, rows.Put("a", 7, 1), state.ErrReadOnly)
		require.ErrorIs(t, rows.Delete("a", 1), state.ErrReadOnly)
		view.Close()
		view.Close()
		_, _, err = rows.Get("a")
		require.ErrorIs(t, err, streams.ErrViewClosed)
	}

	view, err := a.View(ctx, totals, streams.OfKey(serde.String, "a"))
	require.NoError(t, err)
	got, ok, err := totals.In(view).Get("a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, int64(3), got)
	position, err := view.Position()
	require.NoError(t, err)
	require.Len(t, position["words"], 1)
	require.Equal(t, p["words"][partitionOf("a")], position["words"][partitionOf("a")])
	view.Close()

	view, err = a.View(ctx, shortLived, streams.AtLeast(p))
	require.NoError(t, err)
	require.Equal(t, []string{"a=3", "d=1", "e=1", "f=1"}, listed(t, shortLived.In(view).All()))
	view.Close()

	view, err = a.View(ctx, perMinute, streams.InPartition(partitionOf("a")))
	require.NoError(t, err)
	windows := perMinute.In(view)
	n, ok, err := windows.Get("a", 10*minute)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, int64(1), n)
	var starts []int64
	for row, err := range windows.Fetch("a", 0, math.MaxInt64) {
		require.NoError(t, err)
		starts = append(starts, row.Start)
	}
	require.Equal(t, []int64{10 * minute}, starts, "earlier ones have expired")
	view.Close()

	view, err = a.View(ctx, perMinute, streams.AtLeast(p))
	require.NoError(t, err)
	var found []string
	for row, err := range perMinute.In(view).Between(0, math.MaxInt64) {
		require.NoError(t, err)
		found = append(found, fmt.Sprint(row.Key, row.Start/minute))
	}
	behind := 1 - partitionOf("a")
	var want []string
	for _, w := range []struct {
		key    string
		minute int64
	}{{"d", 1}, {"f", 1}, {"e", 2}} {
		if partitionOf(w.key) == behind {
			want = append(want, fmt.Sprint(w.key, w.minute))
		}
	}
	require.NotEmpty(t, want, "keys of both partitions are needed")
	require.Equal(t, append(want, "a10"), found, "what has expired in one task has not in the other")
	view.Close()

	view, err = a.View(ctx, calls, streams.OfKey(serde.String, "a"))
	require.NoError(t, err)
	var sessions []int64
	for row, err := range calls.In(view).Find("a", 0, math.MaxInt64) {
		require.NoError(t, err)
		sessions = append(sessions, row.Start)
	}
	require.Equal(t, []int64{10 * minute}, sessions)
	view.Close()

	view, err = a.View(ctx, kept, streams.OfKey(serde.String, "a"), streams.AtLeast(streams.Position{
		"other": {partitionOf("a"): versions["other"][partitionOf("a")]},
	}))
	require.NoError(t, err)
	value, _, ok, err := kept.In(view).AsOf("a", 15)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "old", value)
	value, _, ok, err = kept.In(view).Get("a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "new", value)
	view.Close()

	view, err = a.View(ctx, reference, streams.AtLeast(globals))
	require.NoError(t, err, "global tables are read by offset, too; log:\n%s", r.log)
	value, ok, err = reference.In(view).Get("y")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "2", value)
	view.Close()
	require.NoError(t, stop())
	_, err = a.View(ctx, totals)
	require.ErrorIs(t, err, streams.ErrNotRunning)
}

func listed(t *testing.T, rows func(yield func(state.Row[string, int64], error) bool)) (out []string) {
	for row, err := range rows {
		require.NoError(t, err)
		out = append(out, fmt.Sprintf("%s=%d", row.Key, row.Value))
	}
	return out
}

// TestViewTellsWhatIsWrong: stores that are not there, other kinds, positions of other topics, and what does not run.
func TestViewTellsWhatIsWrong(t *testing.T) {
	r := newCountRig(t)
	idle, err := streams.New(topo(t, countWords), r.config(t.TempDir()))
	require.NoError(t, err)
	_, err = idle.View(t.Context(), keyRows)
	require.ErrorIs(t, err, streams.ErrNotRunning)
	require.EqualError(t, err, "streams: the App does not run: it was not started: call Run, on a goroutine of its own")

	a, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	ctx := t.Context()
	_, err = a.View(ctx, state.NewKeyValue("nothing", serde.String, serde.Int64))
	require.ErrorIs(t, err, streams.ErrNoStore)
	_, err = a.Store("nothing")
	require.ErrorIs(t, err, streams.ErrNoStore)
	_, err = a.View(ctx, state.NewKeyValue("per-ke", serde.String, serde.Int64))
	require.EqualError(t, err,
		"streams: the topology has no such store: per-ke: did you mean per-key? it has [per-key per-word]")
	_, err = a.View(ctx, nil)
	require.ErrorIs(t, err, streams.ErrNoStore)
	_, err = a.View(ctx, state.NewWindow("per-key", serde.String, serde.Int64).Retain(time.Hour))
	require.ErrorContains(t, err, "store per-key is kept as key-value(string,int64), asked for as window(string,int64)")
	_, err = a.View(ctx, state.NewKeyValue("per-key", serde.String, serde.String))
	require.ErrorContains(t, err, "key-value(string,string)")
	_, err = a.View(ctx, keyRows, streams.AtLeast(streams.After("per-word", 0, 1)))
	require.ErrorContains(t, err, "do not read topic per-word")
	_, err = a.View(ctx, keyRows, streams.InPartition(-1))
	require.ErrorContains(t, err, "partition -1")
	_, err = a.View(ctx, keyRows, streams.AtMostOld(-1))
	require.ErrorContains(t, err, "must be above 0")
	var away *streams.UnavailableError
	_, err = a.View(ctx, keyRows, streams.InPartition(7))
	require.ErrorAs(t, err, &away)
	require.False(t, away.Here)
	require.Equal(t, int32(7), away.Partition)
	away = nil
	_, err = a.View(ctx, keyRows, streams.InPartition(7), streams.AtLeast(streams.After("words", 7, 1)))
	require.ErrorAs(t, err, &away, "what another process has is not waited for: that one can be asked")
	require.False(t, away.Here)

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	var stale *streams.StaleError
	_, err = a.View(short, keyRows, streams.AtLeast(streams.After("words", 0, 1_000)))
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Positive(t, stale.Have["words"][0])

	view, err := a.View(ctx, keyRows, streams.AtMostOld(5*time.Second))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), view.At(), 6*time.Second)
	require.PanicsWithValue(t, "streams: the view shows store per-key, not per-word", func() { wordRows.In(view) })
	store, err := a.Store("per-key")
	require.NoError(t, err)
	named, err := a.View(ctx, store)
	require.NoError(t, err)
	require.Implements(t, (*state.KeyValueStore[string, int64])(nil), storage.HandleOf(named.Store("per-key")))
	named.Close()
	view.Close()
	require.NoError(t, stop())
}

// TestViewsAreOfTheirPosition: while a worker works at full speed, and transactions are aborted, what a view shows is
// what the records up to its position give, and nothing else; in stores on disk and in memory alike.
func TestViewsAreOfTheirPosition(t *testing.T) {
	for _, store := range []state.KeyValue[string, int64]{totals, remembered} {
		t.Run(storage.Of(store).Name(), func(t *testing.T) { viewsAreOfTheirPosition(t, store) })
	}
}

func viewsAreOfTheirPosition(t *testing.T, store state.KeyValue[string, int64]) {
	r := newRig(t, "words", "other", "in")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const records, keys = 20_000, 37
	sent := make([][]int, 2) // keys by offset, of each partition
	rng := rand.New(rand.NewPCG(seed, 1))
	var all []*kgo.Record
	for range records {
		k := rng.IntN(keys)
		key := fmt.Sprint("k", k)
		p := partitionOf(key)
		sent[p] = append(sent[p], k)
		all = append(all, &kgo.Record{
			Topic: "words", Partition: p, Key: []byte(key), Value: []byte("v"), Timestamp: time.UnixMilli(1),
		})
	}
	var ends atomic.Int64
	r.fake.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if n := ends.Add(1); n%7 != 3 || n > 100 {
			return nil, nil, false
		}
		return nil, errors.New("connection lost"), true // before it is done: the transaction is aborted
	})
	config := r.config(t.TempDir())
	config.CommitInterval = 5 * time.Millisecond
	a, stop := r.start(func(b *streams.Builder) { streams.From(b, words).GroupByKey().Count(store) }, config)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	end := streams.Position{"words": {0: int64(len(sent[0])), 1: int64(len(sent[1]))}}
	var wait sync.WaitGroup
	wait.Go(func() { r.produceSlowly(ctx, all) })
	for range 4 {
		wait.Go(func() {
			for reached := false; !reached; {
				view, err := a.View(ctx, store)
				if err != nil {
					var away *streams.UnavailableError
					if !errors.Is(err, streams.ErrNotRunning) && !errors.As(err, &away) || ctx.Err() != nil {
						assert.NoError(t, err)
						return
					}
					time.Sleep(time.Millisecond)
					continue
				}
				reached = assertRecomputed(t, store, view, sent).Reaches(end) || t.Failed()
				view.Close()
			}
		})
	}
	wait.Wait()
	require.Greater(t, ends.Load(), int64(20))
	require.NoError(t, stop())
}

// produceSlowly sends records to the partitions that they have, some at a time.
func (r *rig) produceSlowly(ctx context.Context, all []*kgo.Record) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DisableIdempotentWrite(),
		kgo.MaxProduceRequestsInflightPerBroker(1), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if !assert.NoError(r.t, err) {
		return
	}
	defer client.Close()
	for some := range slices.Chunk(all, 200) {
		assert.NoError(r.t, client.ProduceSync(ctx, some...).FirstErr())
		time.Sleep(5 * time.Millisecond)
	}
}

// assertRecomputed compares a view with what the records up to its position give.
func assertRecomputed(
	t *testing.T, store state.KeyValue[string, int64], view *streams.View, sent [][]int,
) streams.Position {
	position, err := view.Position()
	assert.NoError(t, err)
	want := map[string]int64{}
	for p, keys := range sent {
		for _, k := range keys[:position["words"][int32(p)]] {
			want[fmt.Sprint("k", k)]++
		}
	}
	got := map[string]int64{}
	for row, err := range store.In(view).All() {
		assert.NoError(t, err)
		got[row.Key] = row.Value
	}
	assert.Equal(t, want, got, "at %v", position)
	return position
}
