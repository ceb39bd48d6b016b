package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
)

// Aggregate keeps one row for each key. The row's timestamp is the highest of its records. Records with a null key or a
// null value are dropped and counted.
func Aggregate(store storage.Spec, fold Fold) graph.Step {
	return &aggregate{keyed: keyed{declared: store}, fold: fold}
}

type aggregate struct {
	keyed
	fold Fold
}

func (a *aggregate) Process(ctx *flowContext, r *flow) error {
	if reason, missing := r.Missing(); missing {
		ctx.Drop(reason)
		return nil
	}
	at, ok, err := a.store.Load(r.Key, a.before)
	if err != nil {
		return err
	}
	c := *r
	c.Old = there(a.before, ok)
	if ok, err = a.fold(r, c.Old, a.after); err != nil {
		return err
	}
	c.Value = there(a.after, ok)
	if c.Old != nil {
		c.Timestamp = max(c.Timestamp, at)
	}
	return a.put(ctx, c)
}

// keyed is what steps share that keep a row for each key.
type keyed struct {
	declared      storage.Spec
	store         rows.ByKey
	before, after any // variables for the row
	out           flow
}

func (k *keyed) Init(ctx *flowContext) error {
	k.store = handleOf[rows.ByKey](ctx, k.declared)
	k.before, k.after = k.store.NewValue(), k.store.NewValue()
	return nil
}

// put writes a row that has changed and passes the change on.
func (k *keyed) put(ctx *flowContext, c flow) error {
	if c.Old == nil && c.Value == nil {
		return nil
	}
	if err := k.store.Keep(c.Key, c.Value, c.Timestamp); err != nil {
		return err
	}
	k.out = c
	return ctx.Forward(&k.out)
}

// missing says why a record cannot be joined.
func missing[K, V any](r record[K, V]) (graph.DropReason, bool) {
	switch {
	case r.NullKey:
		return graph.DropNullKey, true
	case r.NullValue:
		return graph.DropNullValue, true
	}
	return "", false
}
