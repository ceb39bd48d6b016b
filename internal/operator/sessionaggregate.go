package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/window"
)

// Sessions are the functions of an aggregation by sessions. All write to what out points to, which may be what one of
// their arguments points to.
type Sessions struct {
	Fold    Fold
	Initial func(out any)                  // nil: a session begins with its first record
	Merge   func(key, a, b, out any) error // joins the aggregates of two sessions of a key, the earlier one first
}

// MergeOf is the Merge of a function with types.
func MergeOf[K, A any](fn func(key K, a, b A) (A, error)) func(key, a, b, out any) error {
	return func(key, a, b, out any) (err error) {
		*out.(*A), err = fn(*key.(*K), *a.(*A), *b.(*A))
		return err
	}
}

// InitialOf is the Initial of a function with types.
func InitialOf[A any](fn func() A) func(out any) { return func(out any) { *out.(*A) = fn() } }

// SessionAggregate keeps one row for each key and session. A record merges with the open sessions that are no further
// from it than the gap: their aggregates are merged in ascending order, beginning with Initial, and the record is
// added; without Initial, beginning with the first. The sessions that were merged are deleted, unless the bounds
// stay. A session's timestamp is its end.
//
// A closed session never changes and merges with nothing. A record is late, dropped and counted if the session that it
// would make or join is closed. Stream time is that of the store, as in WindowAggregate.
func SessionAggregate(store storage.Spec, windows windows.Session, functions Sessions) graph.Step {
	return &sessionAggregate{
		windowRows: windowRows{declared: store, fold: functions.Fold}, windows: windows, functions: functions,
	}
}

type sessionAggregate struct {
	windowRows
	windows   windows.Session
	functions Sessions
	found     rows.Finder
}

func (a *sessionAggregate) Init(ctx *flowContext) error {
	err := a.windowRows.Init(ctx)
	a.found = a.store.Finder()
	return err
}

func (a *sessionAggregate) Process(ctx *flowContext, r *flow) error {
	streamTime, ok := a.accept(ctx, r)
	if !ok {
		return nil
	}
	start, end, err := a.find(r, a.windows.Closed(streamTime))
	if err != nil {
		return err
	}
	if end < a.windows.Closed(streamTime) {
		ctx.Drop(graph.DropLate)
		return nil
	}
	row, err := a.combine(r)
	if err != nil {
		return err
	}
	return a.replace(ctx, r, a.windows.Window(start, end), row)
}

// find reads the open sessions that a record merges with, and is the bounds of what they become together.
func (a *sessionAggregate) find(r *flow, open int64) (start, end int64, err error) {
	start, end = r.Timestamp, r.Timestamp
	gap := a.windows.Gap()
	err = a.found.Find(r.Key, max(open, r.Timestamp-gap), eventtime.Add(r.Timestamp, gap))
	for i := range a.found.Len() {
		at, _, _ := a.found.At(i)
		start, end = min(start, at.Start), max(end, at.End)
	}
	return start, end, err
}

// combine is the aggregate of the sessions found and the record.
func (a *sessionAggregate) combine(r *flow) (row any, err error) {
	if a.functions.Initial != nil {
		row = a.after
		a.functions.Initial(row)
	}
	for i := range a.found.Len() {
		_, value, _ := a.found.At(i)
		if row == nil {
			row = value
			continue
		}
		if err := a.functions.Merge(r.Key, row, value, a.after); err != nil {
			return nil, err
		}
		row = a.after
	}
	ok, err := a.fold(r, row, a.after)
	return there(a.after, ok), err
}

// replace puts a session in the place of those that were found.
func (a *sessionAggregate) replace(ctx *flowContext, r *flow, session window.Window, row any) error {
	c := *r
	c.Value, c.Timestamp = row, session.End
	for i := range a.found.Len() {
		at, value, _ := a.found.At(i)
		if at.Start == session.Start && at.End == session.End {
			c.Old = value
			continue
		}
		gone := *r
		gone.Value, gone.Old, gone.Timestamp = nil, value, at.End
		if err := a.put(ctx, gone, a.windows.Window(at.Start, at.End)); err != nil {
			return err
		}
	}
	return a.put(ctx, c, session)
}
