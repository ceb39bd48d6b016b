package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// Cogroup is several groups that are aggregated together, into one row for each key, each group by a function of its
// own.
type Cogroup[K, A any] struct {
	b       *Builder
	site    string
	initial func() A
	members []member
}

// member is a group that is aggregated, whose type of values is known to its function only.
type member struct {
	node   *graph.Node
	values graph.Type
	fold   operator.Fold
}

// NewCogroup begins a cogroup with its first group: its records are folded by add into a row that begins with
// initial().
func NewCogroup[K, V, A any](
	g *Group[K, V], initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *Cogroup[K, A] {
	g.of().given(initial != nil, "NewCogroup: initial")
	g.of().given(add != nil, "NewCogroup: add")
	c := &Cogroup[K, A]{b: g.b, site: graph.Site(), initial: initial}
	c.members = []member{memberOf(g, foldRecord(initial, add))}
	return c
}

// CogroupAdd is the same cogroup with one more group, whose records are folded into the same rows by a function of
// their own. All groups must have the same number of partitions, which is checked when the application starts.
func CogroupAdd[K, V, A any](
	c *Cogroup[K, A], g *Group[K, V], add func(r Record[K, V], row A) (Optional[A], error),
) *Cogroup[K, A] {
	c.of().given(add != nil, "CogroupAdd: add")
	if g == nil || g.b == nil {
		c.b.graph.Fail(graph.Site(), "the group to add is nil")
		return c
	}
	if g.b != c.b {
		c.b.graph.Fail(graph.Site(), "groups of two builders are aggregated together: build both with one")
	}
	out := *c
	out.members = append(c.members[:len(c.members):len(c.members)], memberOf(g, foldRecord(c.initial, add)))
	return &out
}

func memberOf[K, V any](g *Group[K, V], fold operator.Fold) member {
	return member{g.node, graph.TypeOf[V](), fold}
}

// copartitioned demands that all groups have the same number of partitions.
func (c *Cogroup[K, A]) copartitioned(site string) {
	var nodes []*graph.Node
	for _, m := range c.members {
		nodes = append(nodes, m.node)
	}
	c.b.graph.Copartition(site, nodes...)
}

// Aggregate keeps a row for each key.
func (c *Cogroup[K, A]) Aggregate(store state.KeyValue[K, A]) *Table[K, A] {
	site := graph.Site()
	c.copartitioned(site)
	c.b.own(storage.Of(store), site)
	c.b.arrivals(storage.Of(store), site)
	var nodes []*graph.Node
	for _, m := range c.members {
		n := aggregateNode(c.b, m.node, storage.Of(store), m.fold, site)
		nodes = append(nodes, c.b.expiring(n, storage.Of(store), site))
	}
	return stored[K, A](c.b, merged(c.b, nodes, site), storage.Of(store))
}

// AggregateWindows keeps a row for each key and window. All groups share one stream time.
func (c *Cogroup[K, A]) AggregateWindows(windows window.Windows, store state.Window[K, A]) *WindowTable[K, A] {
	site := graph.Site()
	c.copartitioned(site)
	made := c.b.checked(windows, site)
	spec := c.b.storeFor(made, store, site)
	var parts []windowPart
	for _, m := range c.members {
		parts = append(parts, c.b.inWindows(m, made, spec, site))
	}
	return &WindowTable[K, A]{keysOf[K](spec), c.b.windowTable(parts, made, spec, site)}
}

// AggregateSessions keeps a row for each key and session, of the records of all groups together. The rows of sessions
// that meet are combined by merge, the earlier one first, beginning with the initial row. All groups share one stream
// time.
func (c *Cogroup[K, A]) AggregateSessions(
	windows window.Session, store state.Session[K, A], merge func(key K, a, b A) (A, error),
) *WindowTable[K, A] {
	c.of().given(merge != nil, "AggregateSessions: merge")
	site := graph.Site()
	c.copartitioned(site)
	made := c.b.checkedSessions(windows, site)
	spec := c.b.sessionStoreFor(made, store, site)
	var parts []windowPart
	for _, m := range c.members {
		functions := operator.Sessions{
			Initial: operator.InitialOf(c.initial), Fold: m.fold, Merge: operator.MergeOf(merge),
		}
		parts = append(parts, c.b.inSessions(m, made, spec, functions, site))
	}
	return &WindowTable[K, A]{keysOf[K](spec), c.b.windowTable(parts, made, spec, site)}
}
