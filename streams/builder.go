package streams

import (
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Builder collects the steps of one topology.
type Builder struct {
	app     string
	graph   *graph.Graph
	sources map[*graph.Node]*declaredTopic // what each source was declared with
	owners  map[string]owner               // of each store that a step of the library keeps, by name
	used    []owner                        // what processors were given
	idles   map[string]time.Duration       // of the final results of each store
}

// owner is a step that has a store, and how it was given to it.
type owner struct {
	site  string // file:line
	store storage.Spec
}

// NewBuilder begins a topology. The name is the default of the application id: the consumer group, and the prefix of
// internal topics and of transactional ids. It must not change as long as the state matters.
func NewBuilder(name string) *Builder {
	return &Builder{
		app: name, graph: graph.NewGraph(), sources: map[*graph.Node]*declaredTopic{}, owners: map[string]owner{},
		idles: map[string]time.Duration{},
	}
}

// Build checks the topology. The error joins all mistakes that were made, each with the file and line of the call.
//
// A topology that has been built does not change: a step that is added later is a mistake, which the next Build, New
// and the test driver report.
func (b *Builder) Build() (*topology.Topology, error) {
	if b == nil || b.graph == nil {
		absent("Builder")
	}
	b.checkUsed()
	topo, err := graph.Compile(b.graph, b.app)
	return (*topology.Topology)(topo), err
}

// From reads a topic as a stream: each record is a fact of its own. A topic that is read more than once has one source.
func From[K, V any](b *Builder, topic Topic[K, V]) *Stream[K, V] {
	return &Stream[K, V]{b: b, node: source(b, topic, graph.Site())}
}

// FromAll reads topics of one type as one stream, which has their records in the order in which they are processed. A
// task reads a partition of each: topics with fewer partitions than others have no part in the last tasks. Steps that
// keep rows by key need topics with equal numbers of partitions, or a Repartition behind the stream.
func FromAll[K, V any](b *Builder, topics ...Topic[K, V]) *Stream[K, V] {
	site := graph.Site()
	var nodes []*graph.Node
	for _, t := range topics {
		if n := source(b, t, site); !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		b.graph.Fail(site, "FromAll reads no topic: name one or more")
	}
	return &Stream[K, V]{b: b, node: merged(b, nodes, site)}
}

// FromPattern reads all topics of a pattern as one stream: those that are there at the start, and those that come
// later, which are found within Config.TopicRefresh. A topic that the topology reads by name, or by another pattern, is
// a mistake, and so is one to which To writes what comes out of the stream; the application's internal topics are left
// out.
//
// A larger topic brings more tasks. Repartition topics behind the stream, and the state behind those, have as many
// partitions as they were created with: where they need more, the application stops with an InternalTopicError. They
// stay when a topic goes. Steps that keep rows by key need topics with equal numbers of partitions: one with another
// number stops the application with a CopartitionError, unless a Repartition stands in between.
func FromPattern[K, V any](b *Builder, topics TopicPattern[K, V]) *Stream[K, V] {
	site := graph.Site()
	return &Stream[K, V]{b: b, node: b.sourceOf(topics.d.given().pattern(b.made(), site), topics.d.given(), site)}
}

func source[K, V any](b *Builder, topic Topic[K, V], site string) *graph.Node {
	return b.source(topic.d.given(), site)
}

// made is the builder, if NewBuilder made it.
func (b *Builder) made() *Builder {
	if b == nil || b.graph == nil {
		absent("Builder")
	}
	return b
}

func (b *Builder) source(d *declaredTopic, site string) *graph.Node {
	return b.sourceOf(d.topic(site), d, site)
}

func (b *Builder) sourceOf(spec *graph.Topic, d *declaredTopic, site string) *graph.Node {
	if n := b.made().graph.Source(spec); n != nil {
		first, ok := b.sources[n]
		switch {
		case n.Global:
			b.globalOrSource(d.name, site, n)
		case ok && first.same(d):
			return n
		default:
			b.graph.Fail(site, "topic %q is read with another declaration at %s: declare it once and use that value",
				d.name, n.Site)
		}
	}
	b.checkSerdes(spec, d.key, d.value)
	b.checkPast(d, site)
	n := graph.AddCodedSource(b.graph, spec, d.coding, b.extract(d))
	b.sources[n] = d
	return n
}

// extract is the function that takes the event times of a topic, nil if there is none.
func (b *Builder) extract(d *declaredTopic) graph.Extract {
	if d.extract == nil {
		return nil
	}
	b.given(*d.extract != nil, "Timestamp: extract")
	return *d.extract
}

// own makes a step the one that writes a store: two would write over each other's rows.
func (b *Builder) own(store storage.Spec, site string) {
	if first, taken := b.owners[store.Name()]; taken && store.Name() != "" {
		b.graph.Fail(site, "store %q is kept by the step at %s already: give this one another store",
			store.Name(), first.site)
		return
	}
	b.owners[store.Name()] = owner{site, store}
}

// kept reports a retention that makes no sense, which the longer one of the windows would hide.
func (b *Builder) kept(store storage.Spec, site string) {
	if d := store.Options().Retention; d < 0 || d%time.Millisecond != 0 {
		b.graph.Fail(site, "store %q: retention %v: must be whole milliseconds, 0 or more", store.Name(), d)
	}
}

// specOf is a declaration without its types; in place of nil one that Build refuses.
//
//go:noinline
func (b *Builder) specOf(store state.Declaration, site string) storage.Spec {
	if graph.IsNil(store) {
		b.graph.Fail(site, "the store is nil")
		store = state.Window[[]byte, []byte]{}
	}
	return storage.Of(store)
}

// specs are the declarations without their types. It leaves out those that are nil, and reports them.
func (b *Builder) specs(stores []state.Declaration, site string) (out []storage.Spec) {
	for _, s := range stores {
		if graph.IsNil(s) {
			b.graph.Fail(site, "one of the stores is nil")
			continue
		}
		out = append(out, storage.Of(s))
	}
	return out
}

// uses are the declarations of the stores that a processor of the user's is given.
func (b *Builder) uses(stores []state.Declaration, site string) []storage.Spec {
	specs := b.specs(stores, site)
	for _, s := range specs {
		b.used = append(b.used, owner{site, s})
		if d := s.Options().Retention; storage.KindExpires(s.Kind()) && d > time.Millisecond && d%time.Millisecond != 0 {
			b.graph.Fail(site, "store %q: retention %v: must be whole milliseconds", s.Name(), d)
		}
	}
	return specs
}

// checkUsed reports settings of stores that processors were given which the step that keeps the store does not have, or
// which nothing heeds, as only processors use it.
func (b *Builder) checkUsed() {
	for _, u := range b.used {
		var kept storage.Options
		if o, ok := b.owners[u.store.Name()]; ok {
			kept = o.store.Options()
		}
		if ttl := u.store.Options().TTL; ttl > 0 && ttl != kept.TTL {
			b.withoutTTL(u.store, u.site)
		}
		if u.store.Options().NewestWins && !kept.NewestWins {
			b.arrivals(u.store, u.site)
		}
	}
	b.used = nil // what was wrong is noted
}

// checkPast reports a topic that is read from a past that there is not.
func (b *Builder) checkPast(d *declaredTopic, site string) {
	if d.reset == graph.Past && d.past < time.Millisecond {
		b.graph.Fail(site, "topic %q is read from the past %v: must be a millisecond or more", d.name, d.past)
	}
}

// checkSerdes reports a topic that was declared without them.
func (b *Builder) checkSerdes(topic *graph.Topic, key, value any) {
	if key == nil || value == nil {
		b.graph.Fail(topic.Site, "topic %q needs a serde for keys and one for values", topic.Name)
		return
	}
	for _, s := range []any{key, value} {
		if err := serde.ErrOf(s); err != nil {
			b.graph.Fail(topic.Site, "topic %q: %w", topic.Name, err)
		}
	}
}

// TableFrom reads a topic as a table: each record is the new row of its key, a null value deletes it. The later arrival
// wins, whatever the timestamps, unless the store says NewestWins. Records without a key are dropped and counted. The
// rows are kept in a store.
func TableFrom[K, V any](b *Builder, topic Topic[K, V], store state.KeyValue[K, V]) *Table[K, V] {
	site := graph.Site()
	return toTable[K, V](b, source(b, topic, site), store, site)
}

func toTable[K, V any](b *Builder, parent *graph.Node, store state.Declaration, site string) *Table[K, V] {
	spec := b.specOf(store, site)
	return stored[K, V](b, b.table(parent, spec, site), spec)
}

// table is the node of a stream that is read as a table.
//
//go:noinline
func (b *Builder) table(parent *graph.Node, store storage.Spec, site string) *graph.Node {
	b.own(store, site)
	n := graph.AddStep(b.graph, "table", site, []*graph.Node{parent}, []storage.Spec{store},
		func() graph.Step { return operator.ToTable(store) })
	return b.expiring(n, store, site)
}

// expiring is the node of a table whose rows die, if its store, which n fills, says so.
func (b *Builder) expiring(n *graph.Node, store storage.Spec, site string) *graph.Node {
	if store.Options().TTL <= 0 {
		return n
	}
	e := graph.AddStep(b.graph, "expire", site, n.Parents, []storage.Spec{store},
		func() graph.Step { return operator.Expire(store) })
	e.Before(n)
	return merged(b, []*graph.Node{e, n}, site)
}

// withoutTTL reports a store with a time to live at a step that does not heed it.
func (b *Builder) withoutTTL(store storage.Spec, site string) {
	if store.Options().TTL > 0 {
		b.graph.Fail(site, "store %q has a time to live, which only tables of topics and streams and aggregations of "+
			"streams heed, where they are given it", store.Name())
	}
}

// arrivals reports a store in which the newest record wins at a step that goes by their arrival.
func (b *Builder) arrivals(store storage.Spec, site string) {
	if store.Options().NewestWins {
		b.graph.Fail(site, "in store %q the newest record wins, which only tables of topics and streams heed",
			store.Name())
	}
}
