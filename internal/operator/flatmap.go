package operator

// FlatMap makes any number of records of each. Each is processed to its end before the next is made. Timestamp and
// headers stay those of the input.
func FlatMap[K, V, KR, VR any](
	fn func(r record[K, V], emit func(record[KR, VR]) error) error,
) processor[K, V, KR, VR] {
	return &flatMap[K, V, KR, VR]{fn: fn}
}

type flatMap[K, V, KR, VR any] struct {
	fn   func(record[K, V], func(record[KR, VR]) error) error
	in   record[K, V]
	emit func(record[KR, VR]) error // made once, so that a record costs no closure
}

func (m *flatMap[K, V, KR, VR]) Init(ctx *context[KR, VR]) error {
	m.emit = func(out record[KR, VR]) error {
		out.Timestamp, out.Headers = m.in.Timestamp, m.in.Headers
		return ctx.Forward(out)
	}
	return nil
}

func (m *flatMap[K, V, KR, VR]) Process(_ *context[KR, VR], r record[K, V]) error {
	m.in = r
	return m.fn(r, m.emit)
}
