package operator

import "github.com/millstream-go/millstream/topology"

// Keyed drops and counts the records without a key: they belong to no partition of a repartition topic.
func Keyed[K, V any]() processor[K, V, K, V] { return &keyed[K, V]{} }

type keyed[K, V any] struct {
}

func (k *keyed[K, V]) Process(ctx *context[K, V], r record[K, V]) error {
	if r.NullKey {
		ctx.Drop(topology.DropNullKey)
		return nil
	}
	return ctx.Forward(r)
}
