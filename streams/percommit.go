package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/window"
)

// PerCommit thins the changes of a table out: of each row only the latest of a commit goes on, when the commit is
// made. So fewer changes leave the application, none of them later than Config.CommitInterval. How many they are
// depends on that; the rows that they end with do not.
//
// Two changes are of one row if their keys have the same bytes.
func PerCommit[K, V any](t *Table[K, V]) *Table[K, V] {
	n := perCommit[K, V](t.of(), t.node, t.keys)
	return &Table[K, V]{b: t.b, node: n, keys: t.keys}
}

// WindowedPerCommit thins the updates of windows out, as PerCommit does.
func WindowedPerCommit[K, V any](t *WindowTable[K, V]) *WindowResults[K, V] {
	n := perCommit[window.Windowed[K], V](t.of(), t.updates(), window.SessionKey(t.keys))
	return &WindowResults[K, V]{b: t.b, node: t.b.toStream(n, "updates")}
}

func perCommit[K, V any](b *Builder, parent *graph.Node, keys serde.Serde[K]) *graph.Node {
	return graph.AddFormed(b.graph, "percommit", graph.Site(), []*graph.Node{parent}, nil,
		graph.Changes, graph.Changes,
		func() graph.Processor[K, Change[V], K, Change[V]] { return operator.PerCommit[K, V](keys) })
}
