package streams

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// declaredTopic is a Topic, a TopicPattern or a Repartition without its types. Its methods are not inlined: what is, is
// compiled with each set of types.
type declaredTopic struct {
	name       string // of a pattern: the expression
	key, value any    // serdes
	coding     graph.Coding
	extract    *graph.Extract // a pointer, so that two readings of a topic can be compared
	reset      graph.Reset
	past       time.Duration
	spread     graph.Spread

	// Of internal topics:
	partitions int32
	nullKeys   bool
	fullName   bool
	within     []any // serdes whose bytes the values have in them
}

//go:noinline
func newDeclaredTopic[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) *declaredTopic {
	return &declaredTopic{name: name, key: key, value: value, coding: graph.CodingOf(key, value)}
}

// declared is a declaration without its types, or in place of nil one that Build refuses.
//
//go:noinline
func declared(t interface{ declaration() *declaredTopic }) *declaredTopic {
	if graph.IsNil(t) {
		return &declaredTopic{}
	}
	return t.declaration().given()
}

// serdeOf is a serde with its type; nil if there is none.
func serdeOf[T any](s any) serde.Serde[T] {
	typed, _ := s.(serde.Serde[T])
	return typed
}

// given is the declaration, or in place of one that no constructor made one that Build refuses.
//
//go:noinline
func (d *declaredTopic) given() *declaredTopic {
	if d == nil {
		return &declaredTopic{}
	}
	return d
}

// copied is another declaration, to be changed.
//
//go:noinline
func (d *declaredTopic) copied() *declaredTopic {
	out := *d.given()
	return &out
}

//go:noinline
func (d *declaredTopic) timestamp(extract graph.Extract) *declaredTopic {
	out := d.copied()
	out.extract = &extract
	return out
}

//go:noinline
func (d *declaredTopic) from(reset graph.Reset, past time.Duration) *declaredTopic {
	out := d.copied()
	out.reset, out.past = reset, past
	return out
}

//go:noinline
func (d *declaredTopic) split(spread graph.Spread) *declaredTopic {
	out := d.copied()
	out.spread = spread
	return out
}

//go:noinline
func (d *declaredTopic) size(n int32) *declaredTopic {
	out := d.copied()
	out.partitions = n
	return out
}

//go:noinline
func (d *declaredTopic) keepNullKeys() *declaredTopic {
	out := d.copied()
	out.nullKeys = true
	return out
}

//go:noinline
func (d *declaredTopic) named(name string) *declaredTopic {
	out := d.copied()
	out.name = name
	return out
}

//go:noinline
func (d *declaredTopic) start(ctx context.Context) error {
	d = d.given()
	use := serde.Use{Topic: d.name, Write: true}
	err := serde.Start(ctx, use, d.value)
	use.Key = true
	return errors.Join(err, serde.Start(ctx, use, d.key))
}

// same is true for two values of one declaration.
func (d *declaredTopic) same(other *declaredTopic) bool {
	return d.coding.Same(other.coding) && d.extract == other.extract && d.reset == other.reset && d.past == other.past &&
		serde.FormatOf(d.key) == serde.FormatOf(other.key) && serde.FormatOf(d.value) == serde.FormatOf(other.value)
}

// topic is what a graph knows of a topic of the cluster.
func (d *declaredTopic) topic(site string) *graph.Topic {
	return &graph.Topic{
		Name: d.name, Key: serde.FormatOf(d.key), Value: serde.FormatOf(d.value), Site: site,
		Keys: d.key, Values: d.value, Reset: d.reset, Past: d.past,
	}
}

// repartition is what a graph knows of an internal topic.
func (d *declaredTopic) repartition(site string) *graph.Topic {
	t := d.topic(site)
	t.Repartition, t.Partitions, t.FullName, t.Within = true, d.partitions, d.fullName, d.within
	t.Split = graph.SplitByKey
	if d.spread != nil {
		t.Split = graph.SplitByFunction
	}
	return t
}

var nothing = regexp.MustCompile(`[^\s\S]`)

// pattern compiles the expression of a pattern. One that is wrong is a mistake of the topology, and matches nothing.
func (d *declaredTopic) pattern(b *Builder, site string) *graph.Topic {
	t := d.topic(site)
	_, err := regexp.Compile(d.name) // by itself: what surrounds it below could mend it
	if d.name == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		b.graph.Fail(site, "topic pattern %q: %w", d.name, err)
		t.Pattern = nothing
		return t
	}
	t.Pattern = regexp.MustCompile(`\A(?:` + d.name + `)\z`)
	return t
}
