package operator

import "github.com/millstream-go/millstream/internal/graph"

// MapRow applies a function to rows that come once: a row that becomes none is left out.
func MapRow(fn func() Mapper) graph.Step { return &mapRow{fn: fn()} }

type mapRow struct {
	fn  Mapper
	out flow
}

func (m *mapRow) Process(ctx *flowContext, r *flow) (err error) {
	m.out = *r
	if m.out.Value, err = m.fn(r); err != nil || m.out.Value == nil {
		return err
	}
	return ctx.Forward(&m.out)
}
