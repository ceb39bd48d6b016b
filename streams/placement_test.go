package streams_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// Kafka Streams: nothing notices that a topic is partitioned in another way. Millstream: reported once by each worker.
func TestRow38RecordsThatAreNotWhereTheirKeysBelong(t *testing.T) {
	const warning = "a record is not where the default partitioner"
	r := newCountRig(t)
	stop := r.startRunning(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NotContains(t, r.log.String(), warning)
	r.misplace("words", "apple")
	r.misplace("words", "pear")
	r.read("per-key", 22)
	r.requireLog(warning)
	r.requireLog("topic=words")
	require.NoError(t, stop())
	require.Equal(t, 1, strings.Count(r.log.String(), warning))
}

// Where a topic has no state behind it, or its keys are windowed and partitioned by the key within, all is well.
func TestRow38RecordsThatMayBeWhereTheyAre(t *testing.T) {
	r := newRig(t, "in", "windowed", "out", "latest")
	perMinute := window.TimeKey(serde.String, window.Tumbling(time.Minute))
	windowed := streams.NewTopic("windowed", perMinute, serde.String)
	stop := r.startRunning(func(b *streams.Builder) {
		streams.From(b, in).To(out)
		latest := streams.From(b, windowed).GroupByKey()
		latest.Reduce(state.NewKeyValue("latest", perMinute, serde.String), concat).ToStream().To(streams.NewTopic("latest", perMinute, serde.String))
	}, r.config(t.TempDir()))
	r.misplace("in", "apple")
	var b []byte
	key := window.Windowed[string]{Window: window.Window{End: time.Minute.Milliseconds()}}
	for len(b) == 0 || partitionOf(string(b)) == partitionOf(key.Key) { // with its window it would belong elsewhere
		var err error
		key.Key += "x"
		b, err = perMinute.Append(nil, key)
		require.NoError(t, err)
	}
	r.produceTo("windowed", partitionOf(key.Key), b)
	r.read("out", 1)
	r.read("latest", 1)
	require.NoError(t, stop())
	require.NotContains(t, r.log.String(), "default partitioner")
}

// partitionOf is where the default partitioner puts a key.
func partitionOf(key string) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(key)}, 2))
}

// misplace writes a record to the partition where its key does not belong.
func (r *rig) misplace(topic, key string) { r.produceTo(topic, 1-partitionOf(key), []byte(key)) }

func (r *rig) produceTo(topic string, partition int32, key []byte) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(r.t, err)
	defer client.Close()
	rec := &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: []byte("word")}
	require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
}
