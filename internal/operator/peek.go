package operator

// Peek shows each record to fn and passes it on.
func Peek[K, V any](fn func(record[K, V]) error) processor[K, V, K, V] { return &peek[K, V]{fn: fn} }

type peek[K, V any] struct {
	fn func(record[K, V]) error
}

func (p *peek[K, V]) Process(ctx *context[K, V], r record[K, V]) error {
	if err := p.fn(r); err != nil {
		return err
	}
	return ctx.Forward(r)
}
