package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// Stream is a sequence of records, each a fact of its own.
type Stream[K, V any] struct {
	b         *Builder
	node      *graph.Node
	processed bool   // it is what Process or ProcessValues returned: it may have side outputs
	rekeyed   string // file:line of a step that changed the key since the last topic; empty if none did
}

// behind is a stream with the records of a node downstream of s; key and value stay.
func behind[K, V any](s *Stream[K, V], n *graph.Node) *Stream[K, V] {
	return &Stream[K, V]{b: s.b, node: n, rekeyed: s.rekeyed}
}

// mapped adds a node downstream of s that makes other records; the key stays.
func mapped[KR, VR, K, V any](
	s *Stream[K, V], op, site string, fn func() func(r, out *graph.Flow) error,
) *Stream[KR, VR] {
	n := graph.AddStep(s.of().graph, op, site, []*graph.Node{s.node}, nil,
		func() graph.Step { return operator.Map(fn) })
	return &Stream[KR, VR]{b: s.b, node: n, rekeyed: s.rekeyed}
}

// process adds a node downstream of s with a typed processor; the key stays.
func process[K, V, KR, VR any](
	s *Stream[K, V], op, site string, stores []storage.Spec, new func() graph.Processor[K, V, KR, VR],
) *Stream[KR, VR] {
	b := s.of()
	n := graph.AddProcessor(b.graph, op, site, []*graph.Node{s.node}, stores, new)
	return &Stream[KR, VR]{b: s.b, node: n, rekeyed: s.rekeyed}
}

// rekeyed marks a stream whose last step, at site, may have changed the key.
func rekeyed[K, V any](s *Stream[K, V], site string) *Stream[K, V] {
	s.rekeyed = site
	return s
}

// Filter keeps the records whose value keep accepts. Null values pass.
func (s *Stream[K, V]) Filter(keep func(V) bool) *Stream[K, V] {
	s.of().given(keep != nil, "Filter: keep")
	return filtered(s, func(r *graph.Flow) (bool, error) { return r.Value == nil || keep(*r.Value.(*V)), nil })
}

// FilterNot drops the records whose value drop accepts. Null values pass.
func (s *Stream[K, V]) FilterNot(drop func(V) bool) *Stream[K, V] {
	s.of().given(drop != nil, "FilterNot: drop")
	return filtered(s, func(r *graph.Flow) (bool, error) { return r.Value == nil || !drop(*r.Value.(*V)), nil })
}

// FilterRecord keeps the records that keep accepts.
func (s *Stream[K, V]) FilterRecord(keep func(Record[K, V]) (bool, error)) *Stream[K, V] {
	s.of().given(keep != nil, "FilterRecord: keep")
	return filtered(s, func(r *graph.Flow) (bool, error) { return keep(graph.RecordOf[K, V](r)) })
}

func filtered[K, V any](s *Stream[K, V], keep func(*graph.Flow) (bool, error)) *Stream[K, V] {
	return behind(s, s.b.filter(s.node, keep))
}

//go:noinline
func (b *Builder) filter(from *graph.Node, keep func(*graph.Flow) (bool, error)) *graph.Node {
	return graph.AddStep(b.graph, "filter", graph.Site(), []*graph.Node{from}, nil,
		func() graph.Step { return operator.Filter(keep) })
}

// Peek shows each record to fn and passes it on.
func (s *Stream[K, V]) Peek(fn func(Record[K, V])) *Stream[K, V] {
	s.of().given(fn != nil, "Peek: fn")
	show := func(r *graph.Flow) error { fn(graph.RecordOf[K, V](r)); return nil }
	return behind(s, s.b.peek("peek", s.node, show))
}

//go:noinline
func (b *Builder) peek(op string, from *graph.Node, show func(*graph.Flow) error) *graph.Node {
	return graph.AddStep(b.graph, op, graph.Site(), []*graph.Node{from}, nil,
		func() graph.Step { return operator.Peek(show) })
}

// ForEach gives each record to fn, as the last step. After a crash fn may see records again: effects outside Kafka are
// at least once.
func (s *Stream[K, V]) ForEach(fn func(Record[K, V]) error) {
	s.of().given(fn != nil, "ForEach: fn")
	s.b.peek("foreach", s.node, func(r *graph.Flow) error { return fn(graph.RecordOf[K, V](r)) })
}

// Merge is all records of s and of the others, in the order in which they are processed; there is no order between
// the streams beyond that. Behind topics with different numbers of partitions, a step that keeps rows by key is refused
// with a CopartitionError when the application starts: put Repartition behind the merge, once.
func (s *Stream[K, V]) Merge(others ...*Stream[K, V]) *Stream[K, V] {
	m := s.of().merge(s.node, s.rekeyed)
	for _, o := range others {
		if o == nil {
			m.add(nil, nil, "")
		} else {
			m.add(o.b, o.node, o.rekeyed)
		}
	}
	return &Stream[K, V]{b: s.b, node: m.done(), rekeyed: m.rekeyed}
}

// merging is a merge of streams without its types.
type merging struct {
	b       *Builder
	site    string
	parents []*graph.Node
	rekeyed string
}

//go:noinline
func (b *Builder) merge(first *graph.Node, rekeyed string) *merging {
	return &merging{b: b, site: graph.Site(), parents: []*graph.Node{first}, rekeyed: rekeyed}
}

// add takes a further stream; one that is nil, or that no constructor has made, has no builder.
//
//go:noinline
func (m *merging) add(b *Builder, n *graph.Node, rekeyed string) {
	switch {
	case b == nil:
		m.b.graph.Fail(m.site, "one of the streams to merge is nil")
	case b != m.b:
		m.b.graph.Fail(m.site, "streams of two builders are merged: build both with one")
	default:
		m.parents = append(m.parents, n)
		if m.rekeyed == "" {
			m.rekeyed = rekeyed
		}
	}
}

//go:noinline
func (m *merging) done() *graph.Node {
	return graph.AddPass(m.b.graph, "merge", m.site, m.parents)
}

// Split deals the records out: each goes to the stream of the first predicate that accepts it, and to rest if none
// does. Streams that nothing is done with drop their records, uncounted.
func (s *Stream[K, V]) Split(
	predicates ...func(Record[K, V]) (bool, error),
) (branches []*Stream[K, V], rest *Stream[K, V]) {
	choose := make([]func(*graph.Flow) (bool, error), len(predicates))
	for i, p := range predicates {
		s.of().given(p != nil, "Split: a predicate")
		choose[i] = func(r *graph.Flow) (bool, error) { return p(graph.RecordOf[K, V](r)) }
	}
	for _, n := range s.of().split(s.node, choose) {
		branches = append(branches, behind(s, n))
	}
	return branches[:len(predicates)], branches[len(predicates)]
}

// split are the nodes of the branches, and of the rest.
//
//go:noinline
func (b *Builder) split(from *graph.Node, choose []func(*graph.Flow) (bool, error)) (branches []*graph.Node) {
	site := graph.Site()
	split := graph.AddSplit(b.graph, site, from, operator.Split(choose))
	for range len(choose) + 1 {
		branches = append(branches, graph.AddPass(b.graph, "branch", site, []*graph.Node{split}))
	}
	return branches
}

// To writes the stream to a topic, partitioned by key as Kafka's Java client does, unless the topic has a Partitioner.
// For keys of windows that is the key alone.
func (s *Stream[K, V]) To(topic Topic[K, V]) {
	s.of().sink(s.node, topic.d.given(), graph.Site())
}

// sink adds the node that writes a stream to a topic.
func (b *Builder) sink(from *graph.Node, d *declaredTopic, site string) {
	spec := d.topic(site)
	if d.spread != nil {
		spec.Split = graph.SplitByFunction
	}
	b.checkSerdes(spec, d.key, d.value)
	graph.AddCodedSink(b.graph, spec, site, from, d.coding, graph.Routing{Partitions: d.spread})
}

// ToEach writes each record to the topic of a pattern that choose names. It must exist by the time that a record goes
// there: else, as where the pattern does not match or choose returns an error, the record fails with a ProcessError, of
// a MissingSinkError, and Config.OnError applies.
func (s *Stream[K, V]) ToEach(
	topics TopicPatternDeclaration[K, V], choose func(Record[K, V]) (topic string, err error),
) {
	s.of().given(choose != nil, "ToEach: choose")
	s.b.sinks(s.node, declared(topics), graph.Site(), func(r *graph.Flow) (string, error) {
		return choose(graph.RecordOf[K, V](r))
	})
}

// sinks adds the node that writes a stream to topics of a pattern.
func (b *Builder) sinks(
	from *graph.Node, d *declaredTopic, site string, choose func(*graph.Flow) (string, error),
) {
	spec := d.pattern(b, site)
	b.checkSerdes(spec, d.key, d.value)
	graph.AddCodedSink(b.graph, spec, site, from, d.coding, graph.Routing{Topic: choose, Partitions: d.spread})
}

// Repartition sends the stream through an internal topic, so that records of one key meet in one task again. Records
// without a key are dropped and counted, unless the topic keeps them.
func (s *Stream[K, V]) Repartition(topic RepartitionDeclaration[K, V]) *Stream[K, V] {
	return &Stream[K, V]{b: s.b, node: s.of().repartition(s.node, declared(topic), graph.Site())}
}

// repartition is the source of an internal topic to which a node writes what has a key.
func (b *Builder) repartition(from *graph.Node, d *declaredTopic, site string) *graph.Node {
	if !d.nullKeys {
		from = graph.AddStep(b.graph, "keyed", site, []*graph.Node{from}, nil, operator.Keyed)
	}
	return b.throughTopic(from, d, site)
}

// throughTopic is the source of an internal topic to which a node writes.
func (b *Builder) throughTopic(from *graph.Node, d *declaredTopic, site string) *graph.Node {
	spec := d.repartition(site)
	if first := b.graph.Source(spec); first != nil {
		b.graph.Fail(site, "repartition topic %q is used at %s already: give this one another name", d.name, first.Site)
	}
	b.checkSerdes(spec, d.key, d.value)
	graph.AddCodedSink(b.graph, spec, site, from, d.coding, graph.Routing{Partitions: d.spread})
	return graph.AddCodedSource(b.graph, spec, d.coding, nil)
}

// keyedHere reports a step that needs the records of one key together, behind one that changed the key.
//
//go:noinline
func (b *Builder) keyedHere(rekeyed, site, what string) {
	if rekeyed != "" {
		b.graph.Fail(site, "%s needs the records of a key in one partition, but %s may have changed the key: "+
			"put Repartition between them, or use GroupBy with a repartition topic", what, rekeyed)
	}
}

// MarkAsPartitioned is the same stream, of which the author says that all records of a key are in one partition
// although a step may have changed the key: because the new key follows from the old one and tells it, as that of a
// window does. Steps that need the records of a key together then need no Repartition. If it is not so, their results
// are wrong (KIP-759).
func (s *Stream[K, V]) MarkAsPartitioned() *Stream[K, V] {
	return &Stream[K, V]{b: s.b, node: s.node}
}

// GroupByKey groups the records by their key. Behind a step that may have changed the key it is a mistake: there, put
// Repartition before it.
func (s *Stream[K, V]) GroupByKey() *Group[K, V] {
	s.of().keyedHere(s.rekeyed, graph.Site(), "GroupByKey")
	return &Group[K, V]{b: s.b, node: s.node}
}

// ToTable reads the stream as a table, kept in a store: each record is the new row of its key, a null value deletes it.
func (s *Stream[K, V]) ToTable(store state.KeyValueDeclaration[K, V]) *Table[K, V] {
	site := graph.Site()
	s.of().keyedHere(s.rekeyed, site, "ToTable")
	return toTable[K, V](s.b, s.node, store, site)
}
