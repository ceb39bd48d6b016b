package streams_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// TestSlowStepsOnKafka: with the timeouts that applications have, records that take 1 ms, 200 ms and 20 s are counted
// once each, by one process and by two, and a stop waits for the record in work. It tells how long all that took. Those
// of 20 s take some minutes: MILLSTREAM_SLOW=1, with -parallel 12.
func TestSlowStepsOnKafka(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	for _, slow := range []struct {
		takes   time.Duration
		records int
	}{{time.Millisecond, 3000}, {200 * time.Millisecond, 60}, {20 * time.Second, 6}} {
		if slow.takes > time.Second && os.Getenv("MILLSTREAM_SLOW") != "1" {
			continue
		}
		for _, processes := range []int{1, 2} {
			for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
				t.Run(fmt.Sprintf("%v, %d, %v", slow.takes, processes, guarantee), func(t *testing.T) {
					t.Parallel()
					s := &slowOnKafka{newOnKafka(t, brokers), slow.takes}
					var stops []func() error
					for range processes {
						stops = append(stops, s.start(guarantee))
					}
					began := time.Now()
					s.produce(slow.records)
					s.requireEach(slow.records)
					counted := time.Since(began)
					s.produce(slow.records)
					time.Sleep(slow.takes / 10) // one is in work
					began = time.Now()
					for _, stop := range stops {
						require.NoError(t, stop())
					}
					t.Logf("%d records in %v; a stop within %v", slow.records, counted.Round(time.Millisecond),
						time.Since(began).Round(time.Millisecond))
				})
			}
		}
	}
}

// slowOnKafka passes records on slowly.
type slowOnKafka struct {
	*onKafka
	takes time.Duration
}

func (s *slowOnKafka) start(guarantee streams.Guarantee) (stop func() error) {
	b := streams.NewBuilder(s.app)
	slow := s.source(b).Peek(func(streams.Record[string, string]) { time.Sleep(s.takes) })
	slow.To(streams.NewTopic(s.out, serde.String, serde.String))
	topo, err := b.Build()
	require.NoError(s.t, err)
	a, err := streams.New(topo, streams.Config{
		Brokers: s.brokers, StateDir: s.t.TempDir(), Guarantee: guarantee,
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// requireEach waits until so many records came out, and finds each once.
func (s *slowOnKafka) requireEach(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics(s.out),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(s.t, err)
	defer client.Close()
	seen := map[string]int{}
	for len(seen) < n {
		client.PollFetches(s.t.Context()).EachRecord(func(r *kgo.Record) { seen[string(r.Key)]++ })
	}
	for key, times := range seen {
		require.Equal(s.t, 1, times, key)
	}
}
