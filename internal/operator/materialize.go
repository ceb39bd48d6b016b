package operator

import (
	"github.com/millstream-go/millstream/state"
)

// Materialize keeps the rows of a table in a store.
func Materialize[K, V any](store state.KeyValue[K, V]) processor[K, change[V], K, change[V]] {
	return &materialize[K, V]{declared: store}
}

type materialize[K, V any] struct {
	declared state.KeyValue[K, V]
	store    state.KeyValueStore[K, V]
}

func (m *materialize[K, V]) Init(ctx *context[K, change[V]]) error {
	m.store = m.declared.In(ctx)
	return nil
}

func (m *materialize[K, V]) Process(ctx *context[K, change[V]], r record[K, change[V]]) error {
	if r.Value.Stale {
		return ctx.Forward(r) // the store has the newest rows only
	}
	if err := keep(m.store, r.Key, r.Value.New, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}
