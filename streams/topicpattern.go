package streams

import (
	"errors"
	"regexp"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/topology"
)

// TopicPattern declares topics of the cluster that hold the same type: all whose names match a regular expression.
type TopicPattern[K, V any] struct {
	each Topic[K, V] // its name is the expression
}

// NewTopicPattern declares the topics whose whole names match an expression in the syntax of package regexp.
func NewTopicPattern[K, V any](
	expression string, key serde.Serde[K], value serde.Serde[V],
) TopicPattern[K, V] {
	return TopicPattern[K, V]{NewTopic(expression, key, value)}
}

// Timestamp is the same topics with event times taken by extract, as Topic.Timestamp does.
func (p TopicPattern[K, V]) Timestamp(extract TimestampExtractor[K, V]) TopicPattern[K, V] {
	p.each = p.each.Timestamp(extract)
	return p
}

// FromLatest is the same topics, read as Topic.FromLatest says. What a topic that appears later holds before it is
// noticed is left out, too; FromPast leaves out only what is old.
func (p TopicPattern[K, V]) FromLatest() TopicPattern[K, V] {
	p.each = p.each.FromLatest()
	return p
}

// FromPast is the same topics, read as Topic.FromPast says.
func (p TopicPattern[K, V]) FromPast(d time.Duration) TopicPattern[K, V] {
	p.each = p.each.FromPast(d)
	return p
}

// Partitioner is the same topics with the partitions of what ToEach writes there chosen by a function, as
// Topic.Partitioner does.
func (p TopicPattern[K, V]) Partitioner(partitions Partitioner[K, V]) TopicPattern[K, V] {
	p.each.spread = partitions
	return p
}

// Topic is one of the topics, as a declaration of its own: for producers, tests and queries.
func (p TopicPattern[K, V]) Topic(name string) Topic[K, V] {
	p.each.name = name
	return p.each
}

// Expression is the regular expression.
func (p TopicPattern[K, V]) Expression() string { return p.each.name }

// Key is the serde of the keys.
func (p TopicPattern[K, V]) Key() serde.Serde[K] { return p.each.key }

// Value is the serde of the values.
func (p TopicPattern[K, V]) Value() serde.Serde[V] { return p.each.value }

var nothing = regexp.MustCompile(`[^\s\S]`)

// spec compiles the expression. One that is wrong is a mistake of the topology, and matches nothing.
func (p TopicPattern[K, V]) spec(b *Builder, site string) *topology.Topic {
	spec := p.each.spec(site)
	_, err := regexp.Compile(p.each.name) // by itself: what surrounds it below could mend it
	if p.each.name == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		b.graph.Fail(site, "topic pattern %q: %w", p.each.name, err)
		spec.Pattern = nothing
		return spec
	}
	spec.Pattern = regexp.MustCompile(`\A(?:` + p.each.name + `)\z`)
	return spec
}
