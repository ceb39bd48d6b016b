package streams

import (
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// VersionedTableFrom reads a topic as a versioned table: each record is a version of the row of its key, valid from its
// timestamp on. A stream that joins it gets the row as it was at the time of its record; joins and groups of tables see
// only changes that are the newest of their key, and records older than the history change nothing.
func VersionedTableFrom[K, V any](b *Builder, topic Topic[K, V], store state.Versioned[K, V]) *Table[K, V] {
	site := graph.Site()
	return versionedTable[K, V](b, source(b, topic, site), store, site)
}

// ToVersionedTable reads the stream as a versioned table, kept in a store.
func (s *Stream[K, V]) ToVersionedTable(store state.VersionedDeclaration[K, V]) *Table[K, V] {
	site := graph.Site()
	s.of().keyedHere(s.rekeyed, site, "ToVersionedTable")
	return versionedTable[K, V](s.b, s.node, store, site)
}

func versionedTable[K, V any](
	b *Builder, parent *graph.Node, store state.Declaration, site string,
) *Table[K, V] {
	spec := b.specOf(store, site)
	return &Table[K, V]{
		b: b, node: b.versionedTable(parent, spec, site), keys: keysOf[K](spec), tableRows: rowsAsOf(spec),
	}
}

//go:noinline
func rowsAsOf(store storage.Spec) tableRows {
	return tableRows{stores: []storage.Spec{store}, rows: operator.RowsAsOf(store), versioned: true}
}

//go:noinline
func (b *Builder) versionedTable(parent *graph.Node, store storage.Spec, site string) *graph.Node {
	b.own(store, site)
	return graph.AddStep(b.graph, "table", site, []*graph.Node{parent}, []storage.Spec{store},
		func() graph.Step { return operator.VersionedTable(store) })
}

// JoinWithGrace joins a stream with a versioned table, kind Inner or Left, its records waiting in a buffer until stream
// time has passed them by grace: so changes of the table that come later than the records they apply to are seen. A
// result of none is a null value. grace must not be longer than the table's history.
func JoinWithGrace[R, K, V, U any](
	s *Stream[K, V], t *Table[K, U], kind JoinKind, grace time.Duration, buffer state.Buffer[K, V],
	join func(r Record[K, V], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	s.of().given(join != nil, "JoinWithGrace: join")
	site := graph.Site()
	t = tableGiven(s.b, t, s.node, site)
	switch {
	case kind != Inner && kind != Left:
		s.b.graph.Fail(site, "a join with a table is Inner or Left")
	case !t.versioned:
		s.b.graph.Fail(site, "a join with grace needs a versioned table: without versions it would see the table's future")
	case grace < 0 || grace%time.Millisecond != 0:
		s.b.graph.Fail(site, "grace %v: must be whole milliseconds, 0 or more", grace)
	}
	for _, v := range t.stores {
		if history := v.Options().Retention; v.Kind() == storage.KindVersioned && grace > history {
			s.b.graph.Fail(site, "grace %v is longer than the history of store %q, %v: records would ask for versions that are "+
				"gone; keep a longer history, or wait less", grace, v.Name(), history)
		}
	}
	s.b.kept(storage.Of(buffer), site)
	held, kept := operator.Holding(buffer.Retain(max(grace, time.Millisecond)))
	s.b.own(kept, site)
	return joinedTable(s, t, site, append(slices.Clone(t.stores), kept), func() graph.Processor[K, V, K, R] {
		return operator.HeldJoin(operator.ViewOf[K, U](t.rows), kind == Left, grace.Milliseconds(), held, join)
	})
}
