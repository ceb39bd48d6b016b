package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// askingRig has a slow function between the topics in and out, of one partition.
func newAskingRig(t *testing.T) *rig { return newRigOf(t, kfake.SeedTopics(1, "in", "out")) }

// ask describes a topology with a slow function.
func ask(fn func(context.Context, string) (string, error), calls streams.Calls) func(b *streams.Builder) {
	return func(b *streams.Builder) { streams.MapAsync(streams.From(b, in), fn, calls, flights).To(out) }
}

// inOrder sends records with the numbers of a range as values, and is their keys and values.
func (r *rig) inOrder(from, to int) (pairs []string) {
	for i := from; i < to; i++ {
		pairs = append(pairs, fmt.Sprint("k", i%7), fmt.Sprint(i))
	}
	r.produce("in", pairs...)
	return pairs
}

// requireInOrder waits for a result for each number below n, and finds them in order.
func (r *rig) requireInOrder(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics("out"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for next := 0; next < n; {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%d of %d results; log:\n%s", next, n, r.log)
		fetches.EachRecord(func(rec *kgo.Record) {
			require.Equal(r.t, fmt.Sprint(next), string(rec.Value), "log:\n%s", r.log)
			next++
		})
	}
}

// randomly answers with the value after a random time.
func randomly(ctx context.Context, v string) (string, error) {
	select {
	case <-time.After(rand.N(20 * time.Millisecond)):
		return v, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// TestSlowAnswersLeaveInOrder: also across stops with calls in flight, and a second process that takes the task over.
func TestSlowAnswersLeaveInOrder(t *testing.T) {
	r := newAskingRig(t)
	const n = 1500
	dirs := []string{t.TempDir(), t.TempDir()}
	r.inOrder(0, n)
	for i := range 5 {
		asked := atomic.Int64{}
		_, stop := r.start(ask(func(ctx context.Context, v string) (string, error) {
			asked.Add(1)
			return randomly(ctx, v)
		}, streams.Calls{}), r.config(dirs[i%2]))
		require.Eventually(t, func() bool { return asked.Load() > 150 }, 20*time.Second, time.Millisecond)
		require.NoError(t, stop())
	}
	_, stop := r.start(ask(randomly, streams.Calls{}), r.config(dirs[0]))
	r.requireInOrder(n)
	require.NoError(t, stop())
}

// TestCommitsDoNotWaitForSlowCalls: what does not wait for a call is committed while others are under way, and a stop
// does not wait for them either.
func TestCommitsDoNotWaitForSlowCalls(t *testing.T) {
	r := newRigOf(t, kfake.SeedTopics(1, "in", "out", "words", "per-key", "per-word"))
	never := func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	both := func(b *streams.Builder) {
		streams.MapAsync(streams.From(b, words), never, streams.Calls{Timeout: time.Hour}, flights).To(out)
		countWords(b)
	}
	_, stop := r.start(both, r.config(t.TempDir()))
	r.send(100)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestACallThatNeverReturns: its time limit is an error of its record, and when all room is taken for good the
// application ends, whatever the policy.
func TestACallThatNeverReturns(t *testing.T) {
	r := newAskingRig(t)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	hang := func(_ context.Context, v string) (string, error) {
		if v == "1" || v == "4" {
			<-end
		}
		return v, nil
	}
	calls := streams.Calls{Concurrency: 2, Timeout: 20 * time.Millisecond, Attempts: 1}
	config := r.config(t.TempDir())
	r.inOrder(0, 4)
	err := r.run(ask(hang, calls), config)
	require.ErrorIs(t, err, streams.ErrCallTimeout)
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, int64(1), failed.Offset)

	config.OnError = streams.Skip
	r.inOrder(4, 8)
	err = r.run(ask(hang, calls), config)
	require.ErrorIs(t, err, streams.ErrCallsStuck)
	require.ErrorContains(t, err, "have the function return when its context ends")
}

// TestCallsAreBounded: by number, and by rate.
func TestCallsAreBounded(t *testing.T) {
	r := newAskingRig(t)
	var now, most atomic.Int64
	count := func(ctx context.Context, v string) (string, error) {
		for n := now.Add(1); ; {
			if so := most.Load(); n <= so || most.CompareAndSwap(so, n) {
				break
			}
		}
		defer now.Add(-1)
		return randomly(ctx, v)
	}
	_, stop := r.start(ask(count, streams.Calls{Concurrency: 3}), r.config(t.TempDir()))
	r.inOrder(0, 200)
	r.requireInOrder(200)
	require.NoError(t, stop())
	require.Equal(t, int64(3), most.Load())

	began := time.Now()
	quick := func(_ context.Context, v string) (string, error) { return v, nil }
	_, stop = r.start(ask(quick, streams.Calls{PerSecond: 500}), r.config(t.TempDir()))
	r.inOrder(200, 400)
	r.requireInOrder(400)
	require.NoError(t, stop())
	require.Greater(t, time.Since(began), 199*2*time.Millisecond)
}

// TestAnAnswerThatKafkaRefuses: a result that Kafka refuses is an error of its record, which is left out.
func TestAnAnswerThatKafkaRefuses(t *testing.T) {
	r := newAskingRig(t)
	large := func(_ context.Context, v string) (string, error) {
		time.Sleep(100 * time.Millisecond) // by when a commit has moved the input behind the record
		if v == "3" {
			return string(make([]byte, 3<<20)), nil
		}
		return v, nil
	}
	config := r.config(t.TempDir())
	r.inOrder(0, 6)
	err := r.run(ask(large, streams.Calls{}), config)
	var refused *streams.ProduceError
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, int64(3), refused.SourceOffset)

	config.OnError = streams.Skip
	a, stop := r.start(ask(large, streams.Calls{}), config)
	for i, rec := range r.read("out", 5) {
		require.Equal(t, []string{"0", "1", "2", "4", "5"}[i], string(rec.Value))
	}
	require.NoError(t, stop())
	require.Equal(t, int64(1), a.Dropped()[streams.DropProcess])
}
