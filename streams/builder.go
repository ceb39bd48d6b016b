package streams

import (
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Builder collects the steps of one topology.
type Builder struct {
	app     string
	graph   *topology.Graph
	sources map[string]any // the Topic[K, V] that each source was declared with, by name
}

// NewBuilder begins a topology. The name is the default of the application id: the consumer group, and the prefix of internal topics and of
// transactional ids. It must not change as long as the state matters.
func NewBuilder(name string) *Builder {
	return &Builder{app: name, graph: topology.NewGraph(), sources: map[string]any{}}
}

// Build checks the topology. The error joins all mistakes that were made, each with the file and line of the call.
func (b *Builder) Build() (*topology.Topology, error) { return topology.Compile(b.graph, b.app) }

// From reads a topic as a stream: each record is a fact of its own. A topic that is read more than once has one source.
func From[K, V any](b *Builder, topic Topic[K, V]) *Stream[K, V] {
	return &Stream[K, V]{b: b, node: source(b, topic, topology.Site())}
}

func source[K, V any](b *Builder, topic Topic[K, V], site string) *topology.Node {
	spec := topic.spec(site)
	n := b.graph.Source(spec)
	if n == nil {
		b.sources[topic.name] = topic
		return topology.AddSource(b.graph, spec, topic.key, topic.value, topic.extract)
	}
	first, ok := b.sources[topic.name].(Topic[K, V])
	if !ok || (first.extract == nil) != (topic.extract == nil) || first.reset != topic.reset {
		b.graph.Fail(site, "topic %q is read with another declaration at %s: declare it once and use that value",
			topic.name, n.Site)
		return topology.AddSource(b.graph, spec, topic.key, topic.value, topic.extract)
	}
	return n
}

// TableFrom reads a topic as a table: each record is the new row of its key, a null value deletes it. The later arrival wins, whatever
// the timestamps. Records without a key are dropped and counted. The rows are kept in a store.
func TableFrom[K, V any](b *Builder, topic Topic[K, V], store state.KeyValue[K, V]) *Table[K, V] {
	site := topology.Site()
	return toTable(b, source(b, topic, site), store, site)
}

func toTable[K, V any](b *Builder, parent *topology.Node, store state.KeyValue[K, V], site string) *Table[K, V] {
	n := topology.AddProcessor(b.graph, "table", site, []*topology.Node{parent}, []state.Spec{store},
		func() topology.Processor[K, V, K, topology.Change[V]] { return operator.ToTable(store) })
	return stored(b, n, store)
}
