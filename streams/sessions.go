package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/state"
)

// SessionGroup is a group whose records are to be aggregated by key and session. A record that joins sessions together
// deletes them and makes one of them all; in the updates, those that are gone have a null value.
type SessionGroup[K, V any] struct {
	group   *Group[K, V]
	windows windows.Session
}

// Count counts the records of each key and session.
func (g *SessionGroup[K, V]) Count(store state.SessionDeclaration[K, int64]) *WindowTable[K, int64] {
	return aggregateSessions[int64](g, store, operator.Sessions{Fold: count, Merge: func(_, a, b, out any) error {
		*out.(*int64) = *a.(*int64) + *b.(*int64)
		return nil
	}})
}

// Reduce combines the records of each key and session: the first value is the row, then fn(row, value). Sessions that
// meet are combined by fn, too, the earlier one first.
func (g *SessionGroup[K, V]) Reduce(store state.SessionDeclaration[K, V], fn func(row, value V) V) *WindowTable[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregateSessions[V](g, store, operator.Sessions{Fold: reduce(fn), Merge: func(_, a, b, out any) error {
		*out.(*V) = fn(*a.(*V), *b.(*V))
		return nil
	}})
}

// SessionAggregate folds the records of each key and session into a row that begins with initial(). The rows of
// sessions that meet are combined by merge, the earlier one first, beginning with initial(). Both leave the rows that
// they get as they are.
func SessionAggregate[K, V, A any](
	g *SessionGroup[K, V], store state.Session[K, A], initial func() A,
	add func(key K, value V, row A) A, merge func(key K, a, b A) A,
) *WindowTable[K, A] {
	g.of().given(initial != nil, "SessionAggregate: initial")
	g.of().given(add != nil, "SessionAggregate: add")
	g.of().given(merge != nil, "SessionAggregate: merge")
	return aggregateSessions[A](g, store, operator.Sessions{
		Initial: operator.InitialOf(initial), Fold: fold(initial, add),
		Merge: operator.MergeOf(func(key K, a, b A) (A, error) { return merge(key, a, b), nil }),
	})
}

// SessionAggregateRecord folds whole records into a row that begins with initial(). Where add returns none the session
// is deleted.
func SessionAggregateRecord[K, V, A any](
	g *SessionGroup[K, V], store state.Session[K, A], initial func() A,
	add func(r Record[K, V], row A) (Optional[A], error), merge func(key K, a, b A) (A, error),
) *WindowTable[K, A] {
	g.of().given(initial != nil, "SessionAggregateRecord: initial")
	g.of().given(add != nil, "SessionAggregateRecord: add")
	g.of().given(merge != nil, "SessionAggregateRecord: merge")
	return aggregateSessions[A](g, store, operator.Sessions{
		Initial: operator.InitialOf(initial), Fold: foldRecord(initial, add), Merge: operator.MergeOf(merge),
	})
}

func aggregateSessions[A, K, V any](
	g *SessionGroup[K, V], store state.Declaration, functions operator.Sessions,
) *WindowTable[K, A] {
	b, site := g.group.b, graph.Site()
	spec := b.sessionStoreFor(g.windows, store, site)
	m := memberOf(g.group, functions.Fold)
	return &WindowTable[K, A]{keysOf[K](spec), b.sessionRows(m, g.windows, spec, functions, site)}
}

//go:noinline
func (b *Builder) sessionRows(
	m member, windows windows.Session, store storage.Spec, functions operator.Sessions, site string,
) *windowRows {
	return b.windowTable([]windowPart{b.inSessions(m, windows, store, functions, site)}, windows, store, site)
}

//go:noinline
func (b *Builder) sessionStoreFor(windows windows.Session, store state.Declaration, site string) storage.Spec {
	return b.forWindows(b.specOf(store, site), windows.Retention(), false, site)
}

//go:noinline
func (b *Builder) inSessions(
	m member, windows windows.Session, store storage.Spec, functions operator.Sessions, site string,
) windowPart {
	return b.windowPart(m, store, operator.ClosingSessions{Session: windows}, site, func() graph.Step {
		return operator.SessionAggregate(store, windows, functions)
	})
}
