package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// Expire deletes the rows of a store whose time to live is over. It hears of each record of the task first, whichever
// topic it comes from: what has expired when the record's time has come is gone before any step sees the record, so no
// join finds it. It also stands in front of the step that keeps the store, as a step before may have given a record a
// later time. A row's delete has the first time at which it is over.
//
// The time is the store's: it is rolled back with a record that fails, committed and restored.
func Expire(store storage.Spec) graph.Step {
	return &expire{keyed: keyed{declared: store}, ttl: store.Options().TTL.Milliseconds()}
}

type expire struct {
	keyed
	ctx *flowContext
	ttl int64                       // milliseconds
	due func(timestamp int64) error // calls expire, made once
}

func (e *expire) Init(ctx *flowContext) error {
	err := e.keyed.Init(ctx)
	e.ctx, e.due = ctx, e.store.Due(e.expire)
	return err
}

func (e *expire) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		return nil
	}
	return e.Advance(ctx, r.Timestamp)
}

// Advance deletes what is over at a time.
func (e *expire) Advance(_ *flowContext, timestamp int64) error {
	e.store.Observe(timestamp)
	streamTime, _ := e.store.Time()
	over := streamTime - e.ttl - 1
	if !e.store.Waits(over) {
		return nil
	}
	return e.due(over)
}

// expire deletes a row.
func (e *expire) expire(key, value any, timestamp int64) (more bool, err error) {
	return true, e.put(e.ctx, flow{Key: key, Old: value, Timestamp: eventtime.Add(timestamp, e.ttl+1)})
}
