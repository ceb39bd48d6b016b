package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// counters are splits of which each is the numbers from 0 to an end.
type counters struct {
	end    int
	mu     sync.Mutex
	draw   *rand.Rand
	opened int
}

func (c *counters) Open(_ context.Context, split int32, position []byte) (connect.Reader[string, int64], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &counter{counters: c, split: split}
	c.opened++
	if position == nil {
		return r, nil
	}
	return r, json.Unmarshal(position, &r.next)
}

type counter struct {
	*counters
	split int32
	next  int
}

func (c *counter) Read(context.Context) (out []record, position []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draw.IntN(10) == 0 {
		return nil, nil, errors.New("the source is away")
	}
	for range c.draw.IntN(20) {
		if c.next == c.end {
			break
		}
		out = append(out, record{Key: fmt.Sprint(c.split), Value: int64(c.next), Timestamp: 1})
		c.next++
	}
	position, err = json.Marshal(c.next)
	return out, position, err
}

func (c *counter) Close() error { return nil }

func sourceConfig(b *broker.Broker) connect.SourceConfig {
	return connect.SourceConfig{
		Brokers: b.Addrs(), Name: "counters", Splits: 3, PollInterval: time.Millisecond, BackoffMin: time.Millisecond,
		BackoffMax: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

// TestSourceRecordsOnce: processes come and go, readers fail, and each number is there once, in order.
func TestSourceRecordsOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	b := fresh(t, 2)
	const end = 400
	for more := true; more; {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		running := 1 + rng.IntN(2)
		for range running {
			r, err := connect.NewSource(in, &counters{end: end, draw: rand.New(rand.NewPCG(rng.Uint64(), 0))}, sourceConfig(b))
			require.NoError(t, err)
			// Ends with ctx.
			go func() { ended <- r.Run(ctx) }()
		}
		before := count(t, b)
		for n := before; n < min(before+100+rng.IntN(300), 3*end); n = count(t, b) {
			require.NoError(t, t.Context().Err())
		}
		stop()
		for range running {
			require.NoError(t, <-ended)
		}
		more = count(t, b) < 3*end
	}
	next := map[string]int64{}
	records, err := broker.Read(t.Context(), b, in)
	require.NoError(t, err)
	for _, r := range records {
		require.Equal(t, next[r.Key], r.Value, "split %s", r.Key)
		next[r.Key]++
	}
	require.Equal(t, map[string]int64{"0": end, "1": end, "2": end}, next)
}

func count(t *testing.T, b *broker.Broker) int {
	records, err := broker.Read(t.Context(), b, in)
	require.NoError(t, err)
	return len(records)
}

// TestZombieSourceCommitsNothing: one that has a transaction open when another takes its split over.
func TestZombieSourceCommitsNothing(t *testing.T) {
	b := fresh(t, 1)
	c := sourceConfig(b)
	c.Splits = 1
	createPositions(t, b, "compact") // as the zombie has done
	zombie := client(t, b, kgo.TransactionalID("counters-0"))
	require.NoError(t, zombie.BeginTransaction())
	require.NoError(t, zombie.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Key: []byte("0"), Value: make([]byte, 8)}).FirstErr())
	source := &counters{end: 5, draw: rand.New(rand.NewPCG(1, 0))}
	r, err := connect.NewSource(in, source, c)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- r.Run(ctx) }()
	for r.Written() < 5 {
		time.Sleep(time.Millisecond)
	}
	require.Error(t, zombie.EndTransaction(t.Context(), kgo.TryCommit))
	stop()
	require.NoError(t, <-ended)
	require.Equal(t, 5, count(t, b))
	require.ErrorIs(t, r.Run(t.Context()), connect.ErrRunning)
}

func TestSourceMistakes(t *testing.T) {
	_, err := connect.NewSource[string, int64](in, nil, connect.SourceConfig{Splits: -1, BackoffMin: -1})
	for _, text := range []string{"Name is needed", "Splits is -1", "the source is nil", "BackoffMin is too short"} {
		require.ErrorContains(t, err, text)
	}
	b := fresh(t, 1)
	missing := streams.NewTopic("missing", serde.String, serde.Int64)
	r, err := connect.NewSource(missing, &counters{}, sourceConfig(b))
	require.NoError(t, err)
	require.ErrorContains(t, r.Run(t.Context()), `topic "missing" is not as it must be`)
}
