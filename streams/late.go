package streams

import (
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// Late is the records of a windowed group that its aggregation into the store drops because one of their windows, or all,
// is closed: to count them, to look at them with Peek, or to send them to a topic. Each comes once, before what the
// aggregation makes of it; it is counted under topology.DropLate all the same. Call it when the aggregation has been
// declared.
func Late[K, V, A any](g *WindowedGroup[K, V], store state.Window[K, A]) *Stream[K, V] {
	windows := g.windows
	if _, ok := windows.(window.SlidingTime); ok {
		store = store.ByKey()
	}
	return lateStream(g.group, store, func() topology.Processor[K, V, K, V] {
		return operator.Late[K, V](store, windows)
	})
}

// LateForSessions is Late for a group by sessions.
func LateForSessions[K, V, A any](g *SessionGroup[K, V], store state.Session[K, A]) *Stream[K, V] {
	windows := g.windows
	return lateStream(g.group, store, func() topology.Processor[K, V, K, V] {
		return operator.LateForSessions[K, V](store, windows)
	})
}

func lateStream[K, V any](
	g *Group[K, V], store state.Spec, new func() topology.Processor[K, V, K, V],
) *Stream[K, V] {
	site := topology.Site()
	n := topology.AddProcessor(g.b.graph, "late", site, []*topology.Node{g.node}, []state.Spec{store}, new)
	keepers := g.b.keepers[store.Name()]
	if len(keepers) == 0 {
		g.b.graph.Fail(site, "no windowed aggregation fills store %q yet: declare it before asking for its late records",
			store.Name())
	}
	for _, k := range keepers {
		n.Before(k)
	}
	return &Stream[K, V]{b: g.b, node: n}
}
