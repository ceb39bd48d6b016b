package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// TableAggregate keeps one row for each group of a table's rows: what a row was is subtracted, what it is now added. A
// group that has no row is not subtracted from, and one whose rows have all left stays, with whatever subtract made of
// it. Records have a change as their value, as they come from a topic. The timestamp is the highest of the group's
// changes (Kafka's KTableAggregate).
func TableAggregate(store storage.Spec, add, subtract Fold) graph.Step {
	return &tableAggregate{keyed: keyed{declared: store}, add: add, subtract: subtract}
}

type tableAggregate struct {
	keyed
	add, subtract Fold
	change, row   flow
}

func (a *tableAggregate) Process(ctx *flowContext, r *flow) error {
	graph.Unfold(r, &a.change)
	at, ok, err := a.store.Load(r.Key, a.before)
	if err != nil {
		return err
	}
	c := *r
	c.Old = there(a.before, ok)
	c.Value = c.Old
	if c.Old != nil {
		if c.Value, err = a.enter(a.subtract, r, a.change.Old, c.Value); err != nil {
			return err
		}
		c.Timestamp = max(c.Timestamp, at)
	}
	if c.Value, err = a.enter(a.add, r, a.change.Value, c.Value); err != nil {
		return err
	}
	return a.put(ctx, c)
}

// enter subtracts or adds the row of one side, if there is one.
func (a *tableAggregate) enter(fold Fold, r *flow, side, aggregate any) (any, error) {
	if side == nil {
		return aggregate, nil
	}
	a.row = *r
	a.row.Value = side
	ok, err := fold(&a.row, aggregate, a.after)
	return there(a.after, ok), err
}
