package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// Materialize keeps the rows of a table in a store.
func Materialize(store storage.Spec) graph.Step { return &materialize{keyed{declared: store}} }

type materialize struct{ keyed }

func (m *materialize) Process(ctx *flowContext, r *flow) error {
	if r.Stale {
		return ctx.Forward(r) // the store has the newest rows only
	}
	if err := m.store.Keep(r.Key, r.Value, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}
