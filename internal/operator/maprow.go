package operator

import "github.com/millstream-go/millstream/topology"

// MapRow applies a function to rows that come once: a row that becomes none is left out.
func MapRow[K, V, VR any](fn func(record[K, V]) (optional[VR], error)) processor[K, V, K, VR] {
	return &mapRow[K, V, VR]{fn: fn}
}

type mapRow[K, V, VR any] struct {
	fn func(record[K, V]) (optional[VR], error)
}

func (m *mapRow[K, V, VR]) Process(ctx *context[K, VR], r record[K, V]) error {
	out, err := m.fn(r)
	if err != nil || !out.OK {
		return err
	}
	return ctx.Forward(topology.WithValue(r, out.Value))
}
