package cluster

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// Partitioner chooses partitions as Kafka's Java client does, murmur2 of the key, for the records that NewRecord makes:
// a partition that was given stays, and the last bytes of windowed keys do not take part.
func Partitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

var byKey = kgo.StickyKeyPartitioner(nil).ForTopic("")

// PartitionOf is the partition of a key, which is not nil, of so many.
func PartitionOf(key []byte, partitions int32) int32 {
	if key == nil {
		key = []byte{}
	}
	return int32(byKey.Partition(&kgo.Record{Key: key}, int(partitions)))
}

type partitioner struct{ sticky kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.sticky.ForTopic(topic)}
}

type topicPartitioner struct{ sticky kgo.TopicPartitioner }

// RequiresConsistency is true for records whose partition follows from the key: they wait for a partition that is away.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || r.Key != nil
}

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	key := r.Key
	if suffix := int(-1 - r.Partition); suffix > 0 && suffix <= len(key) {
		r.Key = key[:len(key)-suffix]
	}
	at := p.sticky.Partition(r, n)
	r.Key = key
	return at
}

// OnNewBatch lets records without a key stay in one partition for a batch.
func (p topicPartitioner) OnNewBatch() {
	if b, ok := p.sticky.(kgo.TopicPartitionerOnNewBatch); ok {
		b.OnNewBatch()
	}
}
