package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// ToTable reads a stream as a table: each record is the new row of its key, a null value deletes it. The later arrival
// wins, whatever the timestamps, unless the store says that the newest does. The delete of a row that is not there goes
// no further.
func ToTable[K, V any](store state.KeyValue[K, V]) processor[K, V, K, change[V]] {
	return &toTable[K, V]{declared: store, newest: store.Options().NewestWins}
}

type toTable[K, V any] struct {
	topology.Contextual[K, change[V]]
	declared state.KeyValue[K, V]
	store    state.KeyValueStore[K, V]
	newest   bool // the record with the highest timestamp is the row
}

func (t *toTable[K, V]) Init(ctx *topology.Context[K, change[V]]) error {
	t.store = t.declared.In(ctx)
	return t.Contextual.Init(ctx)
}

func (t *toTable[K, V]) Process(r record[K, V]) error {
	if r.NullKey {
		t.Ctx.Drop(topology.DropNullKey)
		return nil
	}
	row, ok, err := t.store.Row(r.Key)
	if err != nil {
		return err
	}
	if ok && t.newest && r.Timestamp < row.Timestamp {
		t.Ctx.Drop(topology.DropLate)
		return nil
	}
	c := change[V]{Old: optional[V]{Value: row.Value, OK: ok}, New: optional[V]{Value: r.Value, OK: !r.NullValue}}
	if err := keep(t.store, r.Key, c.New, r.Timestamp); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	return t.Ctx.Forward(topology.WithValue(r, c))
}

// keep writes a row, or deletes it where there is no value.
func keep[K, V any](store state.KeyValueStore[K, V], key K, value optional[V], timestamp int64) error {
	if !value.OK {
		return store.Delete(key, timestamp)
	}
	return store.Put(key, value.Value, timestamp)
}
