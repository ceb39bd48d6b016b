package streams_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/streams"
)

// benchBrokers are those of a real Kafka, or of one within the process.
func benchBrokers(b *testing.B) []string {
	if kafkatest.Enabled() {
		return kafkatest.Brokers(b)
	}
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(b, err)
	b.Cleanup(fake.Close)
	return fake.ListenAddrs()
}

// BenchmarkMapAsync has 200 calls of 50 ms in flight, with one worker: no more than 4,000 records a second are possible.
// Commits go on meanwhile; their longest time is reported, too. With MILLSTREAM_KAFKA=1 it is measured on a real Kafka.
func BenchmarkMapAsync(b *testing.B) {
	for b.Loop() {
		const n = 40_000
		brokers := benchBrokers(b)
		app := fmt.Sprint("asking-", time.Now().UnixNano())
		from, to := streams.NewTopic(app+"-in", in.Key(), in.Value()), streams.NewTopic(app+"-out", out.Key(), out.Value())
		client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(to.Name()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		require.NoError(b, err)
		created, err := kadm.NewClient(client).CreateTopics(context.Background(), 1, 1, nil, from.Name(), to.Name())
		require.NoError(b, errors.Join(err, created.Error()))
		var records []*kgo.Record
		for i := range n {
			records = append(records, &kgo.Record{Topic: from.Name(), Key: fmt.Append(nil, i), Value: make([]byte, 100)})
		}
		require.NoError(b, client.ProduceSync(context.Background(), records...).FirstErr())
		builder := streams.NewBuilder(app)
		streams.MapAsync(streams.From(builder, from), func(ctx context.Context, v string) (string, error) {
			select {
			case <-time.After(50 * time.Millisecond):
				return v, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}, streams.Calls{Concurrency: 200}, flights).To(to)
		topo, err := builder.Build()
		require.NoError(b, err)
		a, err := streams.New(topo, streams.Config{Brokers: brokers, StateDir: b.TempDir()})
		require.NoError(b, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		const warm = 4000
		seen, began := 0, time.Time{}
		for seen < n {
			seen += client.PollFetches(context.Background()).NumRecords()
			if began.IsZero() && seen >= warm {
				began, records = time.Now(), records[seen:]
			}
		}
		b.ReportMetric(float64(len(records))/time.Since(began).Seconds(), "records/s")
		var longest time.Duration
		for _, c := range a.Snapshot().Commits {
			longest = max(longest, c.Took())
		}
		b.ReportMetric(longest.Seconds()*1000, "ms/longest-commit")
		cancel()
		require.NoError(b, <-ended)
		client.Close()
	}
}
