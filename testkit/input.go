package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// InputTopic feeds a topic.
type InputTopic[K, V any] struct {
	d     *Driver
	topic streams.Topic[K, V]
}

// Input feeds a topic that the topology reads, as that declares it: another topic is a mistake, and so are other serdes
// or types, but for serde.Bytes, and for another version of a type whose schema is in a registry. After each record the
// driver works until nothing is left to do.
func Input[K, V any](d *Driver, topic streams.Topic[K, V]) InputTopic[K, V] {
	d.helper()
	if d.readable() {
		d.fail(errors.Join(d.checkInput(topic.Name()), checkDeclared(d, topic)))
		d.fail(topic.Start(context.Background()))
	}
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
	if !i.d.usable() {
		return
	}
	var key, value []byte
	var err error
	headers := r.Headers
	if !r.NullKey {
		if key, err = i.topic.Key().Append([]byte{}, r.Key); err != nil {
			i.d.fail(fmt.Errorf("key for topic %s: %w", i.topic.Name(), err))
		}
	}
	if !r.NullValue {
		if value, err = i.topic.Value().Append([]byte{}, r.Value); err != nil {
			i.d.fail(fmt.Errorf("value for topic %s: %w", i.topic.Name(), err))
		}
		value = graph.SplitFrame(i.topic.Value(), &headers, value)
	}
	i.PipeRaw(RawRecord{Key: key, Value: value, Headers: headers, Timestamp: r.Timestamp})
}

// RawRecord is a record as it lies in a topic. A nil Key or Value is null, an empty one is not.
type RawRecord struct {
	Key, Value []byte
	Headers    []streams.Header
	Timestamp  int64 // milliseconds since the epoch
}

// PipeRaw sends bytes, to the partition of the key: records that do not decode, for example. The offset is given by the
// topic.
func (i InputTopic[K, V]) PipeRaw(r RawRecord) {
	i.d.helper()
	if !i.d.usable() {
		return
	}
	i.pipeTo(i.d.partitionOf(&graph.Output{
		Topic: i.topic.Name(), Partition: graph.ByKey, HashSuffix: hashSuffix(i.topic.Key()), Key: r.Key,
	}), r)
}

// PipeTo sends bytes to a partition, which the topic must have.
func (i InputTopic[K, V]) PipeTo(partition int32, r RawRecord) {
	i.d.helper()
	i.d.fail(i.d.checkPartition(i.topic.Name(), partition))
	if i.d.usable() {
		i.pipeTo(partition, r)
	}
}

func (i InputTopic[K, V]) pipeTo(partition int32, r RawRecord) {
	i.d.helper()
	l := i.d.log(i.topic.Name(), partition)
	// A copy: a test may go on with its slices, and the record is read again after a crash.
	offset := l.append(graph.Raw{
		Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Headers: copied(r.Headers), Timestamp: r.Timestamp,
	})
	l.committed = len(l.records)
	i.d.arrivals[l.topic] = append(i.d.arrivals[l.topic], arrival{l, int(offset)})
	i.d.arrived()
}

// copied are headers that share nothing with others.
func copied(headers []streams.Header) []streams.Header {
	out := slices.Clone(headers)
	for i := range out {
		out[i].Value = bytes.Clone(out[i].Value)
	}
	return out
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
	if !d.readable() {
		return 0
	}
	if err := errors.Join(d.checkTopic(topic.Name()), checkDeclared(d, topic)); err != nil {
		d.fail(err)
		return 0
	}
	b, err := topic.Key().Append([]byte{}, key)
	d.fail(err)
	return d.partitionOf(&graph.Output{
		Topic: topic.Name(), Partition: graph.ByKey, HashSuffix: hashSuffix(topic.Key()), Key: b,
	})
}
