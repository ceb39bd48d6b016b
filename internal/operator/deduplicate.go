package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/state"
)

// Deduplicate passes the first record of each id within a time of one that was passed: a record is dropped, and not
// counted, if one of the same id with a timestamp no further from its own has been passed before. A record that is so
// late that the store no longer knows is dropped and counted. Records for which id gives none pass untouched.
func Deduplicate[ID, K, V any](
	store state.Window[ID, bool], within int64, id func(record[K, V]) (optional[ID], error),
) processor[K, V, K, V] {
	return &deduplicate[ID, K, V]{declared: store, within: within, id: id}
}

type deduplicate[ID, K, V any] struct {
	declared state.Window[ID, bool]
	store    state.WindowStore[ID, bool]
	within   int64                       // milliseconds
	found    []state.WindowRow[ID, bool] // reused for each record
	id       func(record[K, V]) (optional[ID], error)
}

func (d *deduplicate[ID, K, V]) Init(ctx *context[K, V]) error {
	d.store = d.declared.In(ctx)
	return nil
}

func (d *deduplicate[ID, K, V]) Process(ctx *context[K, V], r record[K, V]) error {
	id, err := d.id(r)
	if err != nil {
		return err
	}
	if !id.OK {
		return ctx.Forward(r)
	}
	d.store.Observe(r.Timestamp)
	if streamTime, _ := d.store.Time(); r.Timestamp < streamTime-d.within {
		ctx.Drop(graph.DropLate)
		return nil
	}
	d.found, err = d.store.Collect(d.found[:0], id.Value, r.Timestamp-d.within, eventtime.Add(r.Timestamp, d.within))
	if err != nil || len(d.found) > 0 {
		return err // it has been passed
	}
	if err := d.store.Put(id.Value, r.Timestamp, true, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}
