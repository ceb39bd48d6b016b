package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Fold adds a record to the aggregate so far, which is none for the first record of a row. A result of none deletes the
// row.
type Fold[K, V, A any] func(r record[K, V], aggregate optional[A]) (optional[A], error)

// Aggregate keeps one row for each key. The row's timestamp is the highest of its records. Records with a null key or a
// null value are dropped and counted.
func Aggregate[K, V, A any](store state.KeyValue[K, A], fold Fold[K, V, A]) processor[K, V, K, change[A]] {
	return &aggregate[K, V, A]{declared: store, fold: fold}
}

type aggregate[K, V, A any] struct {
	declared state.KeyValue[K, A]
	store    state.KeyValueStore[K, A]
	fold     Fold[K, V, A]
}

func (a *aggregate[K, V, A]) Init(ctx *context[K, change[A]]) error {
	a.store = a.declared.In(ctx)
	return nil
}

func (a *aggregate[K, V, A]) Process(ctx *context[K, change[A]], r record[K, V]) error {
	if reason, missing := missing(r); missing {
		ctx.Drop(reason)
		return nil
	}
	row, ok, err := a.store.Row(r.Key)
	if err != nil {
		return err
	}
	c := change[A]{Old: optional[A]{Value: row.Value, OK: ok}}
	if c.New, err = a.fold(r, c.Old); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	if ok {
		r.Timestamp = max(r.Timestamp, row.Timestamp)
	}
	if err := keep(a.store, r.Key, c.New, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(topology.WithValue(r, c))
}

// missing says why a record cannot be aggregated.
func missing[K, V any](r record[K, V]) (topology.DropReason, bool) {
	switch {
	case r.NullKey:
		return topology.DropNullKey, true
	case r.NullValue:
		return topology.DropNullValue, true
	}
	return "", false
}
