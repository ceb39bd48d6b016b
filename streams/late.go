package streams

import (
	"slices"

	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// Late is the records of a windowed group that its aggregation into the store drops because one of their windows, or
// all, is closed: to count them, to look at them with Peek, or to send them to a topic. Each comes once, before what
// the aggregation makes of it; it is counted under topology.DropLate all the same. Call it when the aggregation has
// been declared.
func Late[K, V, A any](g *WindowedGroup[K, V], store state.Window[K, A]) *Stream[K, V] {
	windows := g.windows
	if _, ok := windows.(window.SlidingTime); ok {
		store = store.ByKey()
	}
	spec := store.Spec()
	return lateStream(g.group, windows.String(), spec, func() topology.Step { return operator.Late(spec, windows) })
}

// LateForSessions is Late for a group by sessions.
func LateForSessions[K, V, A any](g *SessionGroup[K, V], store state.Session[K, A]) *Stream[K, V] {
	windows, spec := g.windows, store.Spec()
	return lateStream(g.group, windows.String(), spec, func() topology.Step {
		return operator.LateForSessions(spec, windows)
	})
}

func lateStream[K, V any](
	g *Group[K, V], windows string, store state.Spec, new func() topology.Step,
) *Stream[K, V] {
	site := topology.Site()
	n := topology.AddStep(g.b.graph, "late", site, []*topology.Node{g.node}, []state.Spec{store}, new)
	k := g.b.keepers[store.Name()]
	switch {
	case len(k.nodes) == 0:
		g.b.graph.Fail(site, "no windowed aggregation fills store %q yet: declare it before asking for its late records",
			store.Name())
	case !slices.ContainsFunc(k.nodes, func(n *topology.Node) bool { return slices.Contains(n.Parents, g.node) }):
		g.b.graph.Fail(site, "store %q is filled from another group: late records are told of its own", store.Name())
	case k.windows != windows:
		g.b.graph.Fail(site, "store %q is filled by windows %s, late records are asked of %s: use the same",
			store.Name(), k.windows, windows)
	}
	for _, aggregate := range k.nodes {
		n.Before(aggregate)
	}
	return &Stream[K, V]{b: g.b, node: n}
}
