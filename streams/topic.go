package streams

import (
	"context"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// Topic declares a topic of the cluster, with the serdes of its keys and values. It must exist before the application
// starts.
type Topic[K, V any] struct{ d *declaredTopic }

// NewTopic declares a topic.
func NewTopic[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Topic[K, V] {
	return Topic[K, V]{newDeclaredTopic(name, key, value)}
}

// Timestamp is the same topic with event times taken by extract, in place of the records' own timestamps: a record for
// which the result is negative is dropped and counted. It belongs to the topic, not to one reading of it, as it says
// what the data means.
func (t Topic[K, V]) Timestamp(extract TimestampExtractor[K, V]) Topic[K, V] {
	return Topic[K, V]{t.d.timestamp(graph.ExtractOf(extract))}
}

// FromLatest is the same topic, read from its end where the group has no committed offset. The default is its start.
func (t Topic[K, V]) FromLatest() Topic[K, V] { return Topic[K, V]{t.d.from(graph.Latest, 0)} }

// FromPast is the same topic, read where the group has no committed offset from the first record whose timestamp is not
// older than d: at the first start, the age is counted back from there. d must be above 0.
func (t Topic[K, V]) FromPast(d time.Duration) Topic[K, V] {
	return Topic[K, V]{t.d.from(graph.Past, d)}
}

// FromCommitted is the same topic, read only where the group has left off: a partition without a committed offset, or
// one whose records behind it have been deleted, stops the application with a NoOffsetError.
func (t Topic[K, V]) FromCommitted() Topic[K, V] { return Topic[K, V]{t.d.from(graph.Committed, 0)} }

// Partitioner is the same topic with the partitions of what To writes there chosen by a function, in place of the hash
// of the key: one, several or none. It has no part in reading the topic. Nil is the hash of the key.
func (t Topic[K, V]) Partitioner(partitions Partitioner[K, V]) Topic[K, V] {
	return Topic[K, V]{t.d.split(graph.SpreadOf(partitions))}
}

// Name is the name of the topic.
func (t Topic[K, V]) Name() string { return t.d.given().name }

// Key is the serde of the keys.
func (t Topic[K, V]) Key() serde.Serde[K] { return serdeOf[K](t.d.given().key) }

// Value is the serde of the values.
func (t Topic[K, V]) Value() serde.Serde[V] { return serdeOf[V](t.d.given().value) }

// Start makes the serdes ready to write the topic, for who does so outside of an application, a producer say: see
// serde.Start. Applications and the test driver start the serdes of their topologies themselves.
func (t Topic[K, V]) Start(ctx context.Context) error { return t.d.start(ctx) }

// Repartition declares an internal topic through which records travel to the partition of their new key. The
// application creates it as <application>-<name>-repartition, and purges what it has processed.
type Repartition[K, V any] struct{ d *declaredTopic }

// NewRepartition declares a repartition topic. The name must not change as long as the state behind it matters.
func NewRepartition[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Repartition[K, V] {
	return Repartition[K, V]{newDeclaredTopic(name, key, value)}
}

// RepartitionDeclaration is a Repartition. Methods of streams take it, so that types that have none compile none.
type RepartitionDeclaration[K, V any] interface {
	declaration() *declaredTopic
	ofRepartition(K, V)
}

func (r Repartition[K, V]) declaration() *declaredTopic { return r.d }

func (r Repartition[K, V]) ofRepartition(K, V) {}

// Partitions is the same topic with n partitions. The default, 0, is as many as the largest topic that its records stem
// from.
func (r Repartition[K, V]) Partitions(n int32) Repartition[K, V] {
	return Repartition[K, V]{r.d.size(n)}
}

// KeepNullKeys is the same topic letting records without a key pass, to any partition: for a left join behind it. By
// default they are dropped and counted.
func (r Repartition[K, V]) KeepNullKeys() Repartition[K, V] {
	return Repartition[K, V]{r.d.keepNullKeys()}
}

// Partitioner is the same topic with the partitions of a record chosen by a function, in place of the hash of the key:
// one, several or none; nil is the hash. What is joined behind it must be split in the same way, and so must all
// records of a key that is counted there: only the author can see to that.
func (r Repartition[K, V]) Partitioner(partitions Partitioner[K, V]) Repartition[K, V] {
	return Repartition[K, V]{r.d.split(graph.SpreadOf(partitions))}
}
