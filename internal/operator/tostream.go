package operator

import "github.com/millstream-go/millstream/topology"

// ToStream shows the new side of a table's changes; a delete has a null value.
func ToStream[K, V any]() processor[K, change[V], K, V] { return &toStream[K, V]{} }

type toStream[K, V any] struct {
	topology.Contextual[K, V]
}

func (t *toStream[K, V]) Process(r record[K, change[V]]) error {
	return t.Ctx.Forward(topology.WithOptional(r, r.Value.New))
}
