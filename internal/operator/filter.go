package operator

import "github.com/millstream-go/millstream/internal/graph"

// Filter passes the records that keep accepts.
func Filter(keep func(r *flow) (bool, error)) graph.Step { return &filter{keep: keep} }

type filter struct {
	keep func(*flow) (bool, error)
}

func (f *filter) Process(ctx *flowContext, r *flow) error {
	ok, err := f.keep(r)
	if err != nil || !ok {
		return err
	}
	return ctx.Forward(r)
}
