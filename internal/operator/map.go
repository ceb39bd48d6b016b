package operator

// Map makes another record of each. Timestamp and headers stay those of the input.
func Map[K, V, KR, VR any](fn func(record[K, V]) (record[KR, VR], error)) processor[K, V, KR, VR] {
	return &mapper[K, V, KR, VR]{fn: fn}
}

type mapper[K, V, KR, VR any] struct {
	fn func(record[K, V]) (record[KR, VR], error)
}

func (m *mapper[K, V, KR, VR]) Process(ctx *context[KR, VR], r record[K, V]) error {
	out, err := m.fn(r)
	if err != nil {
		return err
	}
	out.Timestamp, out.Headers = r.Timestamp, r.Headers
	return ctx.Forward(out)
}
