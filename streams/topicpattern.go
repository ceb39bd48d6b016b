package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// TopicPattern declares topics of the cluster that hold the same type: all whose names match a regular expression.
type TopicPattern[K, V any] struct {
	d *declaredTopic
}

// NewTopicPattern declares the topics whose whole names match an expression in the syntax of package regexp.
func NewTopicPattern[K, V any](
	expression string, key serde.Serde[K], value serde.Serde[V],
) TopicPattern[K, V] {
	return TopicPattern[K, V]{newDeclaredTopic(expression, key, value)}
}

// TopicPatternDeclaration is a TopicPattern. Methods of streams take it, so that types that have none compile none.
type TopicPatternDeclaration[K, V any] interface {
	declaration() *declaredTopic
	ofTopicPattern(K, V)
}

func (p TopicPattern[K, V]) declaration() *declaredTopic { return p.d }

func (p TopicPattern[K, V]) ofTopicPattern(K, V) {}

// Timestamp is the same topics with event times taken by extract, as Topic.Timestamp does.
func (p TopicPattern[K, V]) Timestamp(extract TimestampExtractor[K, V]) TopicPattern[K, V] {
	return TopicPattern[K, V]{p.d.timestamp(graph.ExtractOf(extract))}
}

// FromLatest is the same topics, read as Topic.FromLatest says. What a topic that appears later holds before it is
// noticed is left out, too; FromPast leaves out only what is old.
func (p TopicPattern[K, V]) FromLatest() TopicPattern[K, V] {
	return TopicPattern[K, V]{p.d.from(graph.Latest, 0)}
}

// FromPast is the same topics, read as Topic.FromPast says.
func (p TopicPattern[K, V]) FromPast(d time.Duration) TopicPattern[K, V] {
	return TopicPattern[K, V]{p.d.from(graph.Past, d)}
}

// Partitioner is the same topics with the partitions of what ToEach writes there chosen by a function, as
// Topic.Partitioner does.
func (p TopicPattern[K, V]) Partitioner(partitions Partitioner[K, V]) TopicPattern[K, V] {
	return TopicPattern[K, V]{p.d.split(graph.SpreadOf(partitions))}
}

// Topic is one of the topics, as a declaration of its own: for producers, tests and queries.
func (p TopicPattern[K, V]) Topic(name string) Topic[K, V] {
	return Topic[K, V]{p.d.named(name)}
}

// Expression is the regular expression.
func (p TopicPattern[K, V]) Expression() string { return p.d.given().name }

// Key is the serde of the keys.
func (p TopicPattern[K, V]) Key() serde.Serde[K] { return serdeOf[K](p.d.given().key) }

// Value is the serde of the values.
func (p TopicPattern[K, V]) Value() serde.Serde[V] { return serdeOf[V](p.d.given().value) }
