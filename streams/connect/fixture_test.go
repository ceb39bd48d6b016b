package connect_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

var (
	in   = streams.NewTopic("in", serde.String, serde.Int64)
	dead = streams.NewTopic("dead", serde.Bytes, serde.Bytes)
)

type (
	record    = streams.Record[string, int64]
	batch     = connect.Batch[string, int64]
	partition = connect.Partition
)

// table is rows with the places of those who write them, as a database has them: a write that is not of the newest
// claim, or not at the place, changes nothing.
type table struct {
	mu     sync.Mutex
	rows   map[string]int64
	seen   map[string]int // writes of "key/offset"
	next   map[partition]int64
	epochs map[partition]int64
	topics map[partition][16]byte // of which next is a place
}

func newTable() *table {
	return &table{
		rows: map[string]int64{}, seen: map[string]int{}, next: map[partition]int64{}, epochs: map[partition]int64{},
		topics: map[partition][16]byte{},
	}
}

func (t *table) all() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.rows)
}

// writer writes a table. What its functions return, where set, comes in place of the write.
type writer struct {
	*table
	mine   map[partition]int64
	open   func() error
	claim  func() error
	before func([]batch) error // refuses a write
	after  func([]batch) error // fails behind it: the answer is lost
	closed bool
}

func (t *table) writer() *writer { return &writer{table: t, mine: map[partition]int64{}} }

func call[A any](fn func(A) error, a A) error {
	if fn == nil {
		return nil
	}
	return fn(a)
}

func (w *writer) Open(context.Context) error {
	if w.open == nil {
		return nil
	}
	return w.open()
}

func (w *writer) Claim(_ context.Context, partitions []partition) (map[partition]int64, error) {
	if w.claim != nil {
		if err := w.claim(); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[partition]int64{}
	for _, p := range partitions {
		w.epochs[p]++
		w.mine[p] = w.epochs[p]
		if next, ok := w.next[p]; ok {
			known[p] = next
		}
	}
	return known, nil
}

func (w *writer) Write(_ context.Context, batches []batch) error {
	if err := call(w.before, batches); err != nil {
		return err
	}
	if err := w.put(batches); err != nil {
		return err
	}
	return call(w.after, batches)
}

func (w *writer) put(batches []batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range batches {
		if w.mine[b.Partition] != w.epochs[b.Partition] || w.next[b.Partition] > b.First {
			return fmt.Errorf("%w: %v", connect.ErrFenced, b.Partition)
		}
		if topic, ok := w.topics[b.Partition]; ok && topic != b.TopicID {
			return &connect.LostRecordsError{Partition: b.Partition, Err: errors.New("the topic is another one")}
		}
	}
	for _, b := range batches {
		for _, r := range b.Records {
			w.seen[fmt.Sprintf("%v/%d", b.Partition, r.Offset)]++
			if w.rows[r.Key] = r.Value; r.NullValue {
				delete(w.rows, r.Key)
			}
		}
		w.next[b.Partition], w.topics[b.Partition] = b.Next, b.TopicID
	}
	return nil
}

func (w *writer) Close() error {
	w.closed = true
	return nil
}

// start runs a runner until the test, or the returned function, ends it.
func start(t *testing.T, r *connect.Runner[string, int64]) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return stop
}

func fresh(t *testing.T, partitions int32) *broker.Broker {
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), partitions, in, dead))
	return b
}

func config(b *broker.Broker, group string) connect.Config {
	return connect.Config{
		Logger:  slog.New(slog.DiscardHandler),
		Brokers: b.Addrs(), Group: group, BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond, BatchRecords: 7,
	}
}

func runner(t *testing.T, w *writer, c connect.Config) *connect.Runner[string, int64] {
	r, err := connect.New(in, w, c)
	require.NoError(t, err)
	return r
}

func produce(t *testing.T, b *broker.Broker, records ...record) {
	require.NoError(t, broker.Produce(t.Context(), b, in, records...))
}

// numbers are n records of a few keys, each with its number as value.
func numbers(from, n int) (out []record) {
	for i := range n {
		out = append(out, record{Key: fmt.Sprintf("k%d", (from+i)%10), Value: int64(from + i), Timestamp: int64(from + i)})
	}
	return out
}

// want waits until the table has these rows.
func (t *table) want(tb *testing.T, rows map[string]int64) {
	tb.Helper()
	for !maps.Equal(t.all(), rows) {
		if tb.Context().Err() != nil {
			require.Equal(tb, rows, t.all())
		}
		time.Sleep(time.Millisecond)
	}
}

// wantOnce: so many records were written, each once.
func (t *table) wantOnce(tb testing.TB, records int) {
	tb.Helper()
	require.Equal(tb, records, len(t.seen))
	for what, n := range t.seen {
		require.Equal(tb, 1, n, what)
	}
}

func latest(records ...record) map[string]int64 {
	out := map[string]int64{}
	for _, r := range records {
		if out[r.Key] = r.Value; r.NullValue {
			delete(out, r.Key)
		}
	}
	return out
}

func client(t *testing.T, b *broker.Broker, opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addrs()...))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
