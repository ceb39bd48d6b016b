package operator

import "github.com/millstream-go/millstream/topology"

// Keyed drops and counts the records without a key: they belong to no partition of a repartition topic.
func Keyed[K, V any]() processor[K, V, K, V] { return &keyed[K, V]{} }

type keyed[K, V any] struct {
	topology.Contextual[K, V]
}

func (k *keyed[K, V]) Process(r record[K, V]) error {
	if r.NullKey {
		k.Ctx.Drop(topology.DropNullKey)
		return nil
	}
	return k.Ctx.Forward(r)
}
