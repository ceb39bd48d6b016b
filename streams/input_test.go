package streams_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// rates is a topic that words are joined with: a task that reads both takes no word before it has the rates.
var rates = streams.NewTopic("rates", serde.String, serde.String)

func joinWords(rates streams.Topic[string, string]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		table := streams.TableFrom(b, rates, state.NewKeyValue("rates", serde.String, serde.String))
		streams.LeftJoin(streams.From(b, words), table, func(string, streams.Optional[string]) int64 { return 1 }).To(perKey)
	}
}

// sendRates produces so many rates that there are some in each partition.
func (r *rig) sendRates() {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	for i := range 20 {
		rec := &kgo.Record{Topic: "rates", Key: fmt.Append(nil, "k", i), Value: []byte("1")}
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
}

// requireJoined waits until all words have been joined, and finds each once.
func (r *rig) requireJoined() {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics("per-key"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	seen := 0
	for seen < r.sent {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%d of %d words; log:\n%s", seen, r.sent, r.log)
		seen += fetches.NumRecords()
	}
	require.Equal(r.t, r.sent, seen)
}

// TestATopicReadFromItsEndHoldsUpNothing: what it had before the start is nothing to wait for.
func TestATopicReadFromItsEndHoldsUpNothing(t *testing.T) {
	r := newRig(t, "words", "rates", "per-key")
	r.sendRates()
	_, stop := r.start(joinWords(rates.FromLatest()), r.config(t.TempDir()))
	r.send(10)
	r.requireJoined()
	require.NoError(t, stop())
}

// TestDeletedRecordsHoldUpNothing: the group's offset is one that the topic has no more.
func TestDeletedRecordsHoldUpNothing(t *testing.T) {
	r := newRig(t, "words", "rates", "per-key")
	r.sendRates()
	config := r.config(t.TempDir())
	_, stop := r.start(joinWords(rates), config)
	r.send(10)
	r.requireJoined()
	require.NoError(t, stop())

	r.sendRates()
	ends, err := r.admin.ListEndOffsets(context.Background(), "rates")
	require.NoError(t, err)
	_, err = r.admin.DeleteRecords(context.Background(), ends.Offsets())
	require.NoError(t, err)
	_, stop = r.start(joinWords(rates), config)
	r.send(10)
	r.requireJoined()
	require.NoError(t, stop())
	r.requireLog("records were deleted before they were read")
}

// TestTheEndThatATopicIsReadFromStays: what comes while the application is down was not there at its first start.
func TestTheEndThatATopicIsReadFromStays(t *testing.T) {
	r := newRig(t, "words", "per-key")
	r.send(10)
	count := func(b *streams.Builder) {
		streams.From(b, words.FromLatest()).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}
	config := r.config(t.TempDir())
	running := whenRunning(&config)
	_, stop := r.start(count, config)
	<-running
	require.NoError(t, stop())
	r.sent = 0
	r.send(10)
	_, stop = r.start(count, config)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestATopicThatGrows has partitions that no task was made for: the application says so instead of leaving them unread.
func TestATopicThatGrows(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Kafka = []kgo.Opt{kgo.MetadataMinAge(50 * time.Millisecond), kgo.MetadataMaxAge(200 * time.Millisecond)}
	running := whenRunning(&config)
	go func() {
		<-running
		r.admin.UpdatePartitions(context.Background(), 4, "words")
	}()
	err := r.run(countWords, config)
	var grown *streams.GrownTopicError
	require.ErrorAs(t, err, &grown)
	require.Equal(t, streams.GrownTopicError{Topic: "words", Had: 2, Has: 4}, *grown)
}

// TestFetchesAreShort: a partition is resumed when its task has been restored, or its queue has drained. Then it waits
// for the fetch under way, which the broker may hold until there are records of others.
func TestFetchesAreShort(t *testing.T) {
	r := newCountRig(t)
	var longest atomic.Int32
	r.fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		longest.Store(max(longest.Load(), req.(*kmsg.FetchRequest).MaxWaitMillis))
		return nil, nil, false
	})
	commits := r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Count: -1, Observe: true})
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(1)
	require.NoError(t, commits.Wait(context.Background(), 1))
	require.NoError(t, stop())
	require.Positive(t, longest.Load())
	require.LessOrEqual(t, longest.Load(), int32(100))
}
