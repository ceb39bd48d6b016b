package operator

import "github.com/millstream-go/millstream/internal/graph"

// FlatMapValues makes any number of values of each record, under its key. Each is processed to its end before the next
// is made.
func FlatMapValues[K, V, VR any](
	fn func(r record[K, V], emit func(optional[VR]) error) error,
) processor[K, V, K, VR] {
	return &flatMapValues[K, V, VR]{fn: fn}
}

type flatMapValues[K, V, VR any] struct {
	fn   func(record[K, V], func(optional[VR]) error) error
	in   record[K, V]
	emit func(optional[VR]) error // made once, so that a record costs no closure
}

func (m *flatMapValues[K, V, VR]) Init(ctx *context[K, VR]) error {
	m.emit = func(v optional[VR]) error { return ctx.Forward(graph.WithOptional(m.in, v)) }
	return nil
}

func (m *flatMapValues[K, V, VR]) Process(_ *context[K, VR], r record[K, V]) error {
	m.in = r
	return m.fn(r, m.emit)
}
