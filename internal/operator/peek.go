package operator

import "github.com/millstream-go/millstream/internal/graph"

// Peek shows each record to fn and passes it on.
func Peek(fn func(r *flow) error) graph.Step { return &peek{fn: fn} }

type peek struct {
	fn func(*flow) error
}

func (p *peek) Process(ctx *flowContext, r *flow) error {
	if err := p.fn(r); err != nil {
		return err
	}
	return ctx.Forward(r)
}
