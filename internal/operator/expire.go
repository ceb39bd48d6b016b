package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Expire deletes the rows of a store whose time to live is over. It stands in front of the step that keeps the store
// and gets each record first: what has expired when the record's time has come is gone before the record is added. A
// row's delete has the first time at which it is over.
func Expire[K, V, A any](store state.KeyValue[K, A]) processor[K, V, K, change[A]] {
	return &expire[K, V, A]{declared: store, ttl: store.Options().TTL.Milliseconds()}
}

type expire[K, V, A any] struct {
	topology.Contextual[K, change[A]]
	declared state.KeyValue[K, A]
	store    state.KeyValueStore[K, A]
	timed    state.TimedStore[K, A]
	ttl      int64 // milliseconds
}

func (e *expire[K, V, A]) Init(ctx *topology.Context[K, change[A]]) error {
	e.store = e.declared.In(ctx)
	e.timed = state.Timed(e.store)
	return e.Contextual.Init(ctx)
}

func (e *expire[K, V, A]) Process(r record[K, V]) error {
	if r.NullKey {
		return nil
	}
	e.timed.Observe(r.Timestamp)
	if streamTime, _ := e.timed.Time(); !e.timed.Waits(streamTime - e.ttl - 1) {
		return nil
	}
	return e.expire()
}

func (e *expire[K, V, A]) expire() error {
	for row, err := range e.timed.Expired() {
		if err != nil {
			return err
		}
		over := eventtime.Add(row.Timestamp, e.ttl+1)
		if err := e.store.Delete(row.Key, over); err != nil {
			return err
		}
		err = e.Ctx.Forward(record[K, change[A]]{
			Key: row.Key, Value: change[A]{Old: topology.Some(row.Value)}, Timestamp: over,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
