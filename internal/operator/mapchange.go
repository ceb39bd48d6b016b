package operator

import "github.com/millstream-go/millstream/internal/graph"

// Mapper makes a value of a record, and is a pointer to it, which is good until the next call; nil is none.
type Mapper func(r *flow) (any, error)

// MapperOf makes mappers of a function with types, one for each call that may be under way at once.
//
//go:noinline
func MapperOf[K, V, VR any](fn func(record[K, V]) (optional[VR], error)) func() Mapper {
	return func() Mapper {
		out := new(VR)
		return func(r *flow) (any, error) {
			v, err := fn(recordOf[K, V](r))
			*out = v.Value
			return there(out, v.OK), err
		}
	}
}

// ValueMapper makes mappers of a function of values.
func ValueMapper[V, VR any](fn func(V) VR) func() Mapper {
	return func() Mapper {
		out := new(VR)
		return func(r *flow) (any, error) {
			*out = fn(*r.Value.(*V))
			return out, nil
		}
	}
}

// FilterOf makes mappers that leave values as they are, or out.
//
//go:noinline
func FilterOf(keep func(r *flow) (bool, error)) func() Mapper {
	return func() Mapper {
		return func(r *flow) (any, error) {
			ok, err := keep(r)
			return there(r.Value, ok), err
		}
	}
}

// MapChange applies a function of a row to both sides of a table's changes. A row that becomes none is not in the
// resulting table, and a change between two missing rows goes no further: so a delete is passed on only if the row was
// visible. It is the filter and the mapping of values of tables; fn must be a pure function.
func MapChange(fn func() Mapper) graph.Step { return &mapChange{before: fn(), after: fn()} }

type mapChange struct {
	before, after Mapper
	row, out      flow
}

func (m *mapChange) Process(ctx *flowContext, r *flow) (err error) {
	m.out = *r
	if m.out.Old, err = m.side(r, r.Old, m.before); err != nil {
		return err
	}
	if m.out.Value, err = m.side(r, r.Value, m.after); err != nil {
		return err
	}
	if m.out.Old == nil && m.out.Value == nil {
		return nil
	}
	return ctx.Forward(&m.out)
}

// side maps one side of a change.
func (m *mapChange) side(r *flow, value any, fn Mapper) (any, error) {
	if value == nil {
		return nil, nil
	}
	m.row = *r
	m.row.Value, m.row.Old, m.row.Stale = value, nil, false
	return fn(&m.row)
}
