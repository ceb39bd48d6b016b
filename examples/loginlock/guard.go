package main

import (
	"cmp"
	"slices"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// guard watches the logins of each account. There is one for each partition.
type guard struct {
	failures state.KeyValueStore[string, []Failure]
}

func (g *guard) Init(ctx *streams.Context[string, Lock]) error {
	g.failures = Failures.In(ctx)
	ctx.Schedule(within, streams.StreamTime, g.forget)
	return nil
}

func (g *guard) Process(ctx *streams.Context[string, Lock], r streams.Record[string, Login]) error {
	switch {
	case r.NullKey:
		ctx.Drop(streams.DropNullKey)
		return nil
	case r.NullValue:
		ctx.Drop(streams.DropNullValue)
		return nil
	case r.Value.OK:
		return g.failures.Delete(r.Key, r.Timestamp)
	}
	return g.failed(ctx, r)
}

func (g *guard) failed(ctx *streams.Context[string, Lock], r streams.Record[string, Login]) error {
	row, _, err := g.failures.Get(r.Key)
	if err != nil {
		return err
	}
	row = add(row, Failure{At: r.Timestamp, From: r.Value.From})
	if len(row) < limit {
		return g.failures.Put(r.Key, row, r.Timestamp)
	}
	if err := g.failures.Delete(r.Key, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(streams.WithValue(r, lock(row)))
}

// add is a new row with one more failure, in the order of their times, and without those that are too long before the
// last. The old row is the store's and stays as it is.
func add(row []Failure, f Failure) []Failure {
	row = append(slices.Clone(row), f)
	slices.SortStableFunc(row, func(a, b Failure) int { return cmp.Compare(a.At, b.At) })
	last := row[len(row)-1].At
	return slices.DeleteFunc(row, func(f Failure) bool { return last-f.At > within.Milliseconds() })
}

func lock(row []Failure) Lock {
	var l Lock
	for _, f := range row {
		l.From = append(l.From, f.From)
	}
	return l
}

// forgetAfter leaves time for failures that come late.
const forgetAfter = 2 * within

// forget deletes the rows whose last failure is long ago, so that the store does not grow without end. It runs as
// stream time passes.
func (g *guard) forget(now int64) error {
	for row, err := range g.failures.All() {
		if err != nil {
			return err
		}
		if now-row.Value[len(row.Value)-1].At <= forgetAfter.Milliseconds() {
			continue
		}
		if err := g.failures.Delete(row.Key, now); err != nil {
			return err
		}
	}
	return nil
}
