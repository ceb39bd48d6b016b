package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// ToTable reads a stream as a table: each record is the new row of its key, a null value deletes it. The later arrival
// wins, whatever the timestamps, unless the store says that the newest does. The delete of a row that is not there goes
// no further.
func ToTable(store storage.Spec) graph.Step {
	o := store.Options()
	return &toTable{keyed: keyed{declared: store}, newest: o.NewestWins, mortal: o.TTL > 0}
}

type toTable struct {
	keyed
	newest bool // the record with the highest timestamp is the row
	mortal bool // rows die, and an older record takes none of a row's time
}

func (t *toTable) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		ctx.Drop(graph.DropNullKey)
		return nil
	}
	at, ok, err := t.store.Load(r.Key, t.before)
	if err != nil {
		return err
	}
	if ok && t.newest && r.Timestamp < at {
		ctx.Drop(graph.DropLate)
		return nil
	}
	t.out = *r
	t.out.Old = there(t.before, ok)
	if !t.mortal || !ok {
		at = r.Timestamp
	}
	err = t.store.Keep(r.Key, r.Value, max(at, r.Timestamp))
	if err != nil || t.out.Old == nil && r.Value == nil {
		return err
	}
	return ctx.Forward(&t.out)
}
