package operator

import (
	"math"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
)

// VersionedTable reads a stream as a versioned table: each record is a version of the row of its key, from its
// timestamp on. Records that are older than the history are dropped and counted as late, and those that are not the
// newest of their key are marked stale: they change the past only (KIP-889, KIP-914).
func VersionedTable(store storage.Spec) graph.Step { return &versionedTable{declared: store} }

type versionedTable struct {
	declared storage.Spec
	store    rows.ByVersion
	before   any // variable for the row
	out      flow
}

func (t *versionedTable) Init(ctx *flowContext) error {
	t.store = handleOf[rows.ByVersion](ctx, t.declared)
	t.before = t.store.NewValue()
	return nil
}

func (t *versionedTable) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		ctx.Drop(graph.DropNullKey)
		return nil
	}
	_, ok, err := t.store.AsOfInto(r.Key, math.MaxInt64, t.before)
	if err != nil {
		return err
	}
	t.out = *r
	t.out.Old = there(t.before, ok)
	stored, newest, err := t.store.Enter(r.Key, r.Value, r.Timestamp)
	if err == nil && !stored {
		ctx.Drop(graph.DropLate)
		return nil
	}
	if t.out.Stale = !newest; err != nil || t.out.Old == nil && r.Value == nil {
		return err
	}
	return ctx.Forward(&t.out)
}
