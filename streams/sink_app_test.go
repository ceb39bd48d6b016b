package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// produce writes records, as key and value, to a topic.
func (r *rig) produce(topic string, records ...string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
	require.NoError(r.t, err)
	defer client.Close()
	for i := 0; i < len(records); i += 2 {
		rec := &kgo.Record{Key: []byte(records[i]), Value: []byte(records[i+1])}
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
}

// read waits for the first n committed records of a topic.
func (r *rig) read(topic string, n int) (records []*kgo.Record) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%s: %d of %d records; log:\n%s", topic, len(records), n, r.log)
		records = append(records, fetches.Records()...)
	}
	return records
}

// requireValues waits until a topic has as many records as there are values, and compares them in any order.
func (r *rig) requireValues(topic string, values ...string) {
	var got []string
	for _, rec := range r.read(topic, len(values)) {
		got = append(got, string(rec.Value))
	}
	require.ElementsMatch(r.t, values, got)
}

func toUsers(b *streams.Builder) { streams.From(b, in).ToEach(perUser, ofUser) }

// TestToEachStopsAtAMissingTopic with an error that names it, and goes on where it stopped once the topic is there.
func TestToEachStopsAtAMissingTopic(t *testing.T) {
	r := newRig(t, "in", "user-ann")
	config := r.config(t.TempDir())
	_, stop := r.start(toUsers, config)
	r.produce("in", "ann", "1")
	r.requireValues("user-ann", "1")
	require.NoError(t, stop())

	r.produce("in", "ann", "2", "bob", "3")
	err := r.run(toUsers, config)
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "sink-1", failed.Node)
	var missing *streams.MissingSinkError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []string{"user-bob"}, missing.Topics)

	_, err = r.admin.CreateTopic(context.Background(), 2, -1, nil, "user-bob")
	require.NoError(t, err)
	_, stop = r.start(toUsers, config)
	r.requireValues("user-bob", "3")
	r.requireValues("user-ann", "1", "2")
	require.NoError(t, stop())
}

// TestToEachWritesToATopicThatIsNew: it was created after the start.
func TestToEachWritesToATopicThatIsNew(t *testing.T) {
	r := newRig(t, "in", "user-ann")
	_, stop := r.start(toUsers, r.config(t.TempDir()))
	r.produce("in", "ann", "1")
	r.requireValues("user-ann", "1")
	_, err := r.admin.CreateTopic(context.Background(), 2, -1, nil, "user-bob")
	require.NoError(t, err)
	r.produce("in", "bob", "2")
	r.requireValues("user-bob", "2")
	require.NoError(t, stop())
}

// TestToEachLosesNothingToADeletedTopic: the application stops before the record that cannot go there.
func TestToEachLosesNothingToADeletedTopic(t *testing.T) {
	r := newRig(t, "in", "user-ann")
	config := r.config(t.TempDir())
	failed := make(chan struct{})
	config.Events.StateChanged = func(_, is streams.State) {
		if is == streams.Failed {
			close(failed)
		}
	}
	_, stop := r.start(toUsers, config)
	r.produce("in", "ann", "1")
	r.requireValues("user-ann", "1")
	_, err := r.admin.DeleteTopic(context.Background(), "user-ann")
	require.NoError(t, err)
	r.produce("in", "ann", "2")
	<-failed
	var missing *streams.MissingSinkError
	require.ErrorAs(t, stop(), &missing)
	_, err = r.admin.CreateTopic(context.Background(), 1, -1, nil, "user-ann")
	require.NoError(t, err)
	config.Events = streams.Events{}
	_, stop = r.start(toUsers, config)
	r.requireValues("user-ann", "2")
	require.NoError(t, stop())
}

// partitionsOf are the partitions of records, and how often each comes.
func partitionsOf(records []*kgo.Record) map[int32]int {
	count := map[int32]int{}
	for _, rec := range records {
		count[rec.Partition]++
	}
	return count
}

// TestPartitionerOnABroker knows how many partitions a topic has: of an output, and of a repartition topic.
func TestPartitionerOnABroker(t *testing.T) {
	r := newRig(t, "in")
	_, err := r.admin.CreateTopic(context.Background(), 3, -1, nil, "out")
	require.NoError(t, err)
	last := rekey.Partitions(4).Partitioner(func(_ record, partitions int32) []int32 { return []int32{partitions - 1} })
	_, stop := r.start(func(b *streams.Builder) {
		streams.From(b, in).Repartition(last).To(out.Partitioner(everywhere))
	}, r.config(t.TempDir()))
	r.produce("in", "ann", "1", "bob", "2")
	require.Equal(t, map[int32]int{0: 2, 1: 2, 2: 2}, partitionsOf(r.read("out", 6)))
	require.NoError(t, stop())
	ends, err := r.admin.ListEndOffsets(context.Background(), "app-rekey-repartition")
	require.NoError(t, err)
	for p := range int32(4) {
		end, _ := ends.Lookup("app-rekey-repartition", p)
		require.Equal(t, p == 3, end.Offset > 0)
	}
}

func TestPartitionOutOfRangeOnABroker(t *testing.T) {
	r := newRig(t, "in", "out")
	r.produce("in", "ann", "1")
	err := r.run(func(b *streams.Builder) {
		streams.From(b, in).To(out.Partitioner(func(record, int32) []int32 { return []int32{7} }))
	}, r.config(t.TempDir()))
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.ErrorContains(t, err, "partition 7 of topic out, which has 2")
}
