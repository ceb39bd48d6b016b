package operator

import "github.com/millstream-go/millstream/topology"

// ToStream shows the new side of a table's changes; a delete has a null value.
func ToStream[K, V any]() processor[K, change[V], K, V] { return &toStream[K, V]{} }

type toStream[K, V any] struct {
}

func (t *toStream[K, V]) Process(ctx *context[K, V], r record[K, change[V]]) error {
	return ctx.Forward(topology.WithOptional(r, r.Value.New))
}
