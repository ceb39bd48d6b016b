package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// SessionGroup is a group whose records are to be aggregated by key and session. A record that joins sessions together
// deletes them and makes one of them all; in the updates, those that are gone have a null value.
type SessionGroup[K, V any] struct {
	group   *Group[K, V]
	windows window.Session
}

// Count counts the records of each key and session.
func (g *SessionGroup[K, V]) Count(store state.Session[K, int64]) *WindowTable[K, int64] {
	return aggregateSessions(g, store, nil, count[K, V], func(_ K, a, b int64) (int64, error) { return a + b, nil })
}

// Reduce combines the records of each key and session: the first value is the row, then fn(row, value). Sessions that
// meet are combined by fn, too, the earlier one first.
func (g *SessionGroup[K, V]) Reduce(store state.Session[K, V], fn func(row, value V) V) *WindowTable[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregateSessions(g, store, nil, reduce[K](fn), func(_ K, a, b V) (V, error) { return fn(a, b), nil })
}

// AggregateSessions folds the records of each key and session into a row that begins with initial(). The rows of
// sessions that meet are combined by merge, the earlier one first, beginning with initial(). Both leave the rows that
// they get as they are.
func AggregateSessions[K, V, A any](
	g *SessionGroup[K, V], store state.Session[K, A], initial func() A,
	add func(key K, value V, row A) A, merge func(key K, a, b A) A,
) *WindowTable[K, A] {
	g.of().given(initial != nil, "AggregateSessions: initial")
	g.of().given(add != nil, "AggregateSessions: add")
	g.of().given(merge != nil, "AggregateSessions: merge")
	return aggregateSessions(g, store, initial, fold(initial, add), func(key K, a, b A) (A, error) {
		return merge(key, a, b), nil
	})
}

// AggregateSessionsRecord folds whole records into a row that begins with initial(). Where add returns none the session
// is deleted.
func AggregateSessionsRecord[K, V, A any](
	g *SessionGroup[K, V], store state.Session[K, A], initial func() A,
	add func(r Record[K, V], row A) (Optional[A], error), merge func(key K, a, b A) (A, error),
) *WindowTable[K, A] {
	g.of().given(initial != nil, "AggregateSessionsRecord: initial")
	g.of().given(add != nil, "AggregateSessionsRecord: add")
	g.of().given(merge != nil, "AggregateSessionsRecord: merge")
	return aggregateSessions(g, store, initial, foldRecord(initial, add), merge)
}

func aggregateSessions[K, V, A any](
	g *SessionGroup[K, V], store state.Session[K, A], initial func() A, fold operator.Fold[K, V, A],
	merge operator.Merger[K, A],
) *WindowTable[K, A] {
	b, site := g.group.b, topology.Site()
	store = sessionStoreFor(b, g.windows, store, site)
	parts := []windowPart{inSessions(g.group, g.windows, store, initial, fold, merge, site)}
	return windowTable(b, parts, g.windows, store.Spec(), sessionView(store), site)
}

// sessionView looks a session up.
func sessionView[K, A any](store state.Session[K, A]) operator.View[window.Windowed[K], A] {
	return func(stores state.Stores) operator.Getter[window.Windowed[K], A] {
		open := store.In(stores)
		return func(key window.Windowed[K], _ int64) (value A, timestamp int64, ok bool, err error) {
			row, ok, err := open.Row(key.Key, key.Window.Start, key.Window.End)
			return row.Value, row.Timestamp, ok, err
		}
	}
}

func sessionStoreFor[K, A any](
	b *Builder, windows window.Session, store state.Session[K, A], site string,
) state.Session[K, A] {
	b.own(store.Spec(), site)
	b.kept(store.Spec(), site)
	return store.Retain(max(store.Spec().Options().Retention, eventtime.Duration(windows.Retention())))
}

func inSessions[K, V, A any](
	g *Group[K, V], windows window.Session, store state.Session[K, A], initial func() A, fold operator.Fold[K, V, A],
	merge operator.Merger[K, A], site string,
) windowPart {
	parents, stores := []*topology.Node{g.node}, []state.Spec{store.Spec()}
	return windowPart{
		aggregate: func() *topology.Node {
			return topology.AddProcessor(g.b.graph, "aggregate", site, parents, stores,
				func() topology.Processor[K, V, window.Windowed[K], topology.Change[A]] {
					return operator.SessionAggregate(store, windows, initial, fold, merge)
				})
		},
		final: func(idle time.Duration) *topology.Node {
			return topology.AddProcessor(g.b.graph, "final", site, parents, stores,
				func() topology.Processor[K, V, window.Windowed[K], A] {
					return operator.FinalSession[K, V](store, windows, idle.Milliseconds())
				})
		},
	}
}
