package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Expire deletes the rows of a store whose time to live is over. It hears of each record of the task first, whichever
// topic it comes from: what has expired when the record's time has come is gone before any step sees the record, so no
// join finds it. It also stands in front of the step that keeps the store, as a step before may have given a record a
// later time. A row's delete has the first time at which it is over.
//
// The time is the store's: it is rolled back with a record that fails, committed and restored.
func Expire[K, V, A any](store state.KeyValue[K, A]) processor[K, V, K, change[A]] {
	return &expire[K, V, A]{declared: store, ttl: store.Spec().Options().TTL.Milliseconds()}
}

type expire[K, V, A any] struct {
	ctx      *context[K, change[A]]
	declared state.KeyValue[K, A]
	store    state.KeyValueStore[K, A]
	timed    state.TimedStore[K, A]
	ttl      int64                               // milliseconds
	show     func(state.Row[K, A]) (bool, error) // expire, made once
}

func (e *expire[K, V, A]) Init(ctx *context[K, change[A]]) error {
	e.ctx, e.store = ctx, e.declared.In(ctx)
	e.timed, e.show = state.Timed(e.store), e.expire
	return nil
}

func (e *expire[K, V, A]) Process(ctx *context[K, change[A]], r record[K, V]) error {
	if r.NullKey {
		return nil
	}
	return e.Advance(ctx, r.Timestamp)
}

// Advance deletes what is over at a time.
func (e *expire[K, V, A]) Advance(_ *context[K, change[A]], timestamp int64) error {
	e.timed.Observe(timestamp)
	streamTime, _ := e.timed.Time()
	over := streamTime - e.ttl - 1
	if !e.timed.Waits(over) {
		return nil
	}
	return e.timed.UntilEach(over, e.show)
}

// expire deletes a row.
func (e *expire[K, V, A]) expire(row state.Row[K, A]) (more bool, err error) {
	over := eventtime.Add(row.Timestamp, e.ttl+1)
	if err := e.store.Delete(row.Key, over); err != nil {
		return false, err
	}
	return true, e.ctx.Forward(record[K, change[A]]{
		Key: row.Key, Value: change[A]{Old: topology.Some(row.Value)}, Timestamp: over,
	})
}
