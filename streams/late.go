package streams

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
)

// Late is the records that an aggregation by windows or sessions drops because one of their windows, or all, or the
// session that they would make or join, is closed: to count them, to look at them with Peek, or to send them to a
// topic. Each comes once, as it was grouped and before what the aggregation makes of it; it is counted under DropLate
// all the same. What the rows of t were filtered by or mapped to changes nothing.
//
// V is the type of the values that are grouped, which the type of t does not tell: Build refuses another one. Of a
// cogroup they are the records of all groups with values of that type.
func Late[V, K, A any](t *WindowTable[K, A]) *Stream[K, V] {
	return &Stream[K, V]{b: t.of(), node: t.late(graph.TypeOf[V]())}
}

// lateRecords makes the nodes of late records: for each type of values one, for all groups that have it.
func (b *Builder) lateRecords(
	parts []windowPart, aggregates []*graph.Node,
) func(values graph.Type) *graph.Node {
	return nodePer(func(values graph.Type) *graph.Node {
		site := graph.Site()
		var parents, lates []*graph.Node
		for _, p := range parts {
			if p.values != values || slices.Contains(parents, p.parent) {
				continue
			}
			n := p.late(site)
			for _, a := range aggregates {
				n.Before(a)
			}
			parents, lates = append(parents, p.parent), append(lates, n)
		}
		if len(lates) == 0 {
			b.graph.Fail(site, "late records with values of type %v: those that are grouped have %s", values, typesOf(parts))
			return parts[0].parent
		}
		return merged(b, lates, site)
	})
}

// typesOf are the types of the values that are aggregated, for a message.
func typesOf(parts []windowPart) string {
	var names []string
	for _, p := range parts {
		names = append(names, fmt.Sprint(p.values))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
