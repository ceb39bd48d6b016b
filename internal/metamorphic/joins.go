package metamorphic

import (
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// join dispatches on what is joined.
func (r *rules) join(n conformance.Node, in []flow) (flow, error) {
	left, right := in[0], in[1]
	if left.unkept || right.unkept {
		return broken("no rows to look up")
	}
	switch {
	case left.kind == stream && right.kind == globalTable && n.Window == nil && n.GraceMs == nil && n.Op != "outerJoin":
		return r.stateless(n, in) // the table is complete before the first record
	case left.kind == stream && right.kind == stream && n.Window != nil:
		return r.joinStreams(n, left, right)
	case left.kind == stream && right.kind == table && n.Window == nil && n.Op != "outerJoin":
		return r.joinTable(n, left, right)
	case left.kind == table && right.kind == table && n.Window == nil && n.GraceMs == nil:
		return r.joinTables(left, right)
	}
	return broken("no such join")
}

func (r *rules) joinStreams(n conformance.Node, left, right flow) (flow, error) {
	left = r.together(left, n.ID+"-left")
	if n.With != n.In {
		right = r.together(right, n.ID+"-right")
	} else {
		right = left
	}
	f, ok := r.mix(left, right)
	if !ok || f.promise != exact || r.free {
		return broken("streams that meet in an order that varies")
	}
	f.steady = f.steady && n.Op == "join" // records that find no partner come late
	return f, nil
}

func (r *rules) joinTable(n conformance.Node, left, right flow) (flow, error) {
	f, ok := r.mix(r.together(left, n.ID), right)
	if !ok || f.promise != exact {
		return broken("a stream that meets a table in an order that varies")
	}
	if n.GraceMs != nil {
		if !right.versioned {
			return broken("grace without versions")
		}
		f.steady = false
	}
	return f, nil
}

func (r *rules) joinTables(left, right flow) (flow, error) {
	f, ok := r.mix(left, right)
	f.kind = table
	if !ok {
		f.promise = final
		if slices.ContainsFunc(left.sources, func(s string) bool { return slices.Contains(right.sources, s) }) {
			return broken("a change that reaches both sides at different times")
		}
	}
	return f, nil
}

// joinForeignKey is a join whose two directions go through topics of their own.
func (r *rules) joinForeignKey(n conformance.Node, in []flow) (flow, error) {
	f, _ := r.mix(in...)
	for _, t := range in {
		if t.kind != table || t.unkept || t.scattered {
			return broken("no rows to look up")
		}
	}
	f.kind, f.promise = table, final
	f.inputs = append(f.inputs, input{topic: n.ID, depth: f.depth() + 2})
	return f, nil
}
