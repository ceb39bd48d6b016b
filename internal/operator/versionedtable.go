package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// VersionedTable reads a stream as a versioned table: each record is a version of the row of its key, from its
// timestamp on. Records that are older than the history are dropped and counted as late, and those that are not the
// newest of their key are marked stale: they change the past only (KIP-889, KIP-914).
func VersionedTable[K, V any](store state.Versioned[K, V]) processor[K, V, K, change[V]] {
	return &versionedTable[K, V]{declared: store}
}

type versionedTable[K, V any] struct {
	declared state.Versioned[K, V]
	store    state.VersionedStore[K, V]
}

func (t *versionedTable[K, V]) Init(ctx *context[K, change[V]]) error {
	t.store = t.declared.In(ctx)
	return nil
}

func (t *versionedTable[K, V]) Process(ctx *context[K, change[V]], r record[K, V]) (err error) {
	if r.NullKey {
		ctx.Drop(topology.DropNullKey)
		return nil
	}
	c := change[V]{New: optional[V]{Value: r.Value, OK: !r.NullValue}}
	if c.Old.Value, _, c.Old.OK, err = t.store.Get(r.Key); err != nil {
		return err
	}
	stored, newest, err := t.enter(r)
	if err == nil && !stored {
		ctx.Drop(topology.DropLate)
		return nil
	}
	if c.Stale = !newest; err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	return ctx.Forward(topology.WithValue(r, c))
}

func (t *versionedTable[K, V]) enter(r record[K, V]) (stored, newest bool, err error) {
	if r.NullValue {
		return t.store.Delete(r.Key, r.Timestamp)
	}
	return t.store.Put(r.Key, r.Value, r.Timestamp)
}
