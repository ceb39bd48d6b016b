package testkit

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// InputTopic feeds a topic.
type InputTopic[K, V any] struct {
	d     *Driver
	topic streams.Topic[K, V]
}

// Input feeds a topic that the topology reads, with its own serdes; another topic is a mistake. After each record the
// driver works until nothing is left to do.
func Input[K, V any](d *Driver, topic streams.Topic[K, V]) InputTopic[K, V] {
	d.helper()
	d.fail(d.checkInput(topic.Name()))
	d.fail(topic.Start(context.Background()))
	return InputTopic[K, V]{d: d, topic: topic}
}

// Pipe sends a record with an event time.
func (i InputTopic[K, V]) Pipe(key K, value V, at time.Time) {
	i.d.helper()
	i.PipeRecord(streams.Record[K, V]{Key: key, Value: value, Timestamp: at.UnixMilli()})
}

// PipeRecord sends a whole record: its NullKey, NullValue, Timestamp and Headers count.
func (i InputTopic[K, V]) PipeRecord(r streams.Record[K, V]) {
	i.d.helper()
	var key, value []byte
	var err error
	if !r.NullKey {
		if key, err = i.topic.Key().Append([]byte{}, r.Key); err != nil {
			i.d.fail(fmt.Errorf("key for topic %s: %w", i.topic.Name(), err))
		}
	}
	if !r.NullValue {
		if value, err = i.topic.Value().Append([]byte{}, r.Value); err != nil {
			i.d.fail(fmt.Errorf("value for topic %s: %w", i.topic.Name(), err))
		}
	}
	i.PipeRaw(topology.Raw{Key: key, Value: value, Headers: r.Headers, Timestamp: r.Timestamp})
}

// PipeRaw sends bytes, to the partition of the key: records that do not decode, for example. The offset is given by the
// topic.
func (i InputTopic[K, V]) PipeRaw(r topology.Raw) {
	i.d.helper()
	if !i.d.usable() {
		return
	}
	i.pipeTo(i.d.partitionOf(&topology.Output{
		Topic: i.topic.Name(), Partition: topology.ByKey, HashSuffix: hashSuffix(i.topic.Key()), Key: r.Key,
	}), r)
}

// PipeTo sends bytes to a partition, which the topic must have.
func (i InputTopic[K, V]) PipeTo(partition int32, r topology.Raw) {
	i.d.helper()
	i.d.fail(i.d.checkPartition(i.topic.Name(), partition))
	if i.d.usable() {
		i.pipeTo(partition, r)
	}
}

func (i InputTopic[K, V]) pipeTo(partition int32, r topology.Raw) {
	i.d.helper()
	l := i.d.log(i.topic.Name(), partition)
	offset := l.append(r)
	l.committed = len(l.records)
	i.d.arrivals[l.topic] = append(i.d.arrivals[l.topic], arrival{l, int(offset)})
	i.d.arrived()
}

func hashSuffix(key any) int {
	if w, ok := key.(interface{ HashSuffix() int }); ok {
		return w.HashSuffix()
	}
	return 0
}

// PartitionOf is the partition of a topic that the records of a key go to.
func PartitionOf[K, V any](d *Driver, topic streams.Topic[K, V], key K) int32 {
	d.helper()
	d.fail(d.checkTopic(topic.Name()))
	b, err := topic.Key().Append([]byte{}, key)
	d.fail(err)
	return d.partitionOf(&topology.Output{
		Topic: topic.Name(), Partition: topology.ByKey, HashSuffix: hashSuffix(topic.Key()), Key: b,
	})
}
