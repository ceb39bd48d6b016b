package operator

import "github.com/millstream-go/millstream/internal/graph"

// ToStream shows the new side of a table's changes; a delete has a null value.
func ToStream() graph.Step { return &toStream{} }

type toStream struct{ out flow }

func (t *toStream) Process(ctx *flowContext, r *flow) error {
	t.out = *r
	t.out.Old, t.out.Stale = nil, false
	return ctx.Forward(&t.out)
}
