package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// TableAggregate keeps one row for each group of a table's rows: what a row was is subtracted, what it is now added. A
// group that has no row is not subtracted from, and one whose rows have all left stays, with whatever subtract made of
// it. The timestamp is the highest of the group's changes (Kafka's KTableAggregate).
func TableAggregate[K, V, A any](
	store state.KeyValue[K, A], add, subtract Fold[K, V, A],
) processor[K, change[V], K, change[A]] {
	return &tableAggregate[K, V, A]{declared: store, add: add, subtract: subtract}
}

type tableAggregate[K, V, A any] struct {
	declared      state.KeyValue[K, A]
	store         state.KeyValueStore[K, A]
	add, subtract Fold[K, V, A]
}

func (a *tableAggregate[K, V, A]) Init(ctx *context[K, change[A]]) error {
	a.store = a.declared.In(ctx)
	return nil
}

func (a *tableAggregate[K, V, A]) Process(ctx *context[K, change[A]], r record[K, change[V]]) error {
	row, ok, err := a.store.Row(r.Key)
	if err != nil {
		return err
	}
	c := change[A]{Old: optional[A]{Value: row.Value, OK: ok}}
	c.New = c.Old
	if old := r.Value.Old; old.OK && ok {
		if c.New, err = a.subtract(topology.WithValue(r, old.Value), c.New); err != nil {
			return err
		}
	}
	if added := r.Value.New; added.OK {
		if c.New, err = a.add(topology.WithValue(r, added.Value), c.New); err != nil {
			return err
		}
	}
	if !c.Old.OK && !c.New.OK {
		return nil
	}
	if ok {
		r.Timestamp = max(r.Timestamp, row.Timestamp)
	}
	if err := keep(a.store, r.Key, c.New, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(topology.WithValue(r, c))
}
