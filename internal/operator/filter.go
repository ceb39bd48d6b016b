package operator

// Filter passes the records that keep accepts.
func Filter[K, V any](keep func(record[K, V]) (bool, error)) processor[K, V, K, V] {
	return &filter[K, V]{keep: keep}
}

type filter[K, V any] struct {
	keep func(record[K, V]) (bool, error)
}

func (f *filter[K, V]) Process(ctx *context[K, V], r record[K, V]) error {
	ok, err := f.keep(r)
	if err != nil || !ok {
		return err
	}
	return ctx.Forward(r)
}
