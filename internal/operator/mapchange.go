package operator

import "github.com/millstream-go/millstream/topology"

// MapChange applies a function of a row to both sides of a table's changes. A row that becomes none is not in the
// resulting table, and a change between two missing rows goes no further: so a delete is passed on only if the row was
// visible. It is the filter and the mapping of values of tables; fn must be a pure function.
func MapChange[K, V, VR any](fn func(record[K, V]) (optional[VR], error)) processor[K, change[V], K, change[VR]] {
	return &mapChange[K, V, VR]{fn: fn}
}

type mapChange[K, V, VR any] struct {
	fn func(record[K, V]) (optional[VR], error)
}

func (m *mapChange[K, V, VR]) Process(ctx *context[K, change[VR]], r record[K, change[V]]) error {
	out := change[VR]{Stale: r.Value.Stale}
	var err error
	if old := r.Value.Old; old.OK {
		if out.Old, err = Clean(m.fn(topology.WithValue(r, old.Value))); err != nil {
			return err
		}
	}
	if row := r.Value.New; row.OK {
		if out.New, err = Clean(m.fn(topology.WithValue(r, row.Value))); err != nil {
			return err
		}
	}
	if !out.Old.OK && !out.New.OK {
		return nil
	}
	return ctx.Forward(topology.WithValue(r, out))
}
