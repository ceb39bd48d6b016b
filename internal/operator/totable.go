package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// ToTable reads a stream as a table: each record is the new row of its key, a null value deletes it. The later arrival
// wins, whatever the timestamps, unless the store says that the newest does. The delete of a row that is not there goes
// no further.
func ToTable[K, V any](store state.KeyValue[K, V]) processor[K, V, K, change[V]] {
	o := store.Spec().Options()
	return &toTable[K, V]{declared: store, newest: o.NewestWins, mortal: o.TTL > 0}
}

type toTable[K, V any] struct {
	declared state.KeyValue[K, V]
	store    state.KeyValueStore[K, V]
	newest   bool // the record with the highest timestamp is the row
	mortal   bool // rows die, and an older record takes none of a row's time
}

func (t *toTable[K, V]) Init(ctx *context[K, change[V]]) error {
	t.store = t.declared.In(ctx)
	return nil
}

func (t *toTable[K, V]) Process(ctx *context[K, change[V]], r record[K, V]) error {
	if r.NullKey {
		ctx.Drop(topology.DropNullKey)
		return nil
	}
	row, ok, err := t.store.Row(r.Key)
	if err != nil {
		return err
	}
	if ok && t.newest && r.Timestamp < row.Timestamp {
		ctx.Drop(topology.DropLate)
		return nil
	}
	c := change[V]{Old: optional[V]{Value: row.Value, OK: ok}, New: optional[V]{Value: r.Value, OK: !r.NullValue}}
	at := r.Timestamp
	if t.mortal && ok {
		at = max(at, row.Timestamp)
	}
	if err := keep(t.store, r.Key, c.New, at); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	return ctx.Forward(topology.WithValue(r, c))
}

// keep writes a row, or deletes it where there is no value.
func keep[K, V any](store state.KeyValueStore[K, V], key K, value optional[V], timestamp int64) error {
	if !value.OK {
		return store.Delete(key, timestamp)
	}
	return store.Put(key, value.Value, timestamp)
}
