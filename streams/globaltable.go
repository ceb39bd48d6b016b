package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// GlobalTable is a whole topic as a table, on every instance: streams join it by any key, without repartition. For
// small tables that change little, such as reference data.
//
// It is read to its end before processing begins, and followed from then on, without any order between its changes and
// the records of streams: what a join sees depends on when it looks. A processor that names the table's store among
// its own may read it; what it writes is an error, state.ErrReadOnly.
type GlobalTable[K, V any] struct {
	b     *Builder
	store state.KeyValue[K, V]
	rows  operator.Rows
}

// GlobalTableFrom reads a topic as a global table: each record is the new row of its key, a null value deletes it.
// Records without a key are dropped and counted. The rows are kept in a store, once for each of Config.Workers; it
// needs no changelog, as the topic is one: it should be compacted. The topic cannot be the source of a stream or
// table, too.
func GlobalTableFrom[K, V any](b *Builder, topic Topic[K, V], store state.KeyValue[K, V]) *GlobalTable[K, V] {
	site := graph.Site()
	source := globalSource(b, topic, site)
	store = store.NoChangelog()
	b.own(storage.Of(store), site)
	b.withoutTTL(storage.Of(store), site)
	spec := storage.Of(store)
	graph.AddStep(b.graph, "globaltable", site, []*graph.Node{source}, []storage.Spec{spec},
		func() graph.Step { return operator.ToTable(spec) })
	return &GlobalTable[K, V]{b: b, store: store, rows: operator.RowsIn(spec)}
}

// GlobalProcess reads a whole topic on every instance, as GlobalTableFrom does, into stores that a processor of the
// user's fills: processors of streams that name these stores may read them, and write nothing. What it forwards goes
// nowhere; it has no punctuations, and is not asked before commits. Unlike Kafka Streams', it sees each record after a
// restart, too, that its stores do not hold yet. new makes a new processor at each call, see Process.
func GlobalProcess[K, V any](
	b *Builder, topic Topic[K, V], new func() Processor[K, V, struct{}, struct{}], stores ...state.Declaration,
) {
	b.given(new != nil, "GlobalProcess: new")
	site := graph.Site()
	source := globalSource(b, topic, site)
	specs := b.specs(stores, site)
	for _, s := range specs {
		b.own(s, site)
		b.withoutTTL(s, site)
		b.arrivals(s, site)
	}
	graph.AddProcessor(b.graph, "globalprocess", site, []*graph.Node{source}, specs, new)
}

func globalSource[K, V any](b *Builder, topic Topic[K, V], site string) *graph.Node {
	return b.made().globalSource(topic.d.given(), site)
}

func (b *Builder) globalSource(d *declaredTopic, site string) *graph.Node {
	spec := d.topic(site)
	spec.Global = true
	if n := b.graph.Source(spec); n != nil && n.Global {
		b.graph.Fail(site, "topic %q fills one global table or processor, that at %s", d.name, n.Site)
	} else if n != nil {
		b.globalOrSource(d.name, site, n)
	}
	b.checkSerdes(spec, d.key, d.value)
	if d.reset != graph.Earliest {
		b.graph.Fail(site, "topic %q fills a global table or processor, which reads it from its start: take FromLatest, "+
			"FromPast or FromCommitted off", d.name)
	}
	return graph.AddCodedSource(b.graph, spec, d.coding, b.extract(d))
}

// globalOrSource reports a topic that n reads in the other way.
func (b *Builder) globalOrSource(topic, site string, n *graph.Node) {
	b.graph.Fail(site, "topic %q is a global table or a source, not both: it is read at %s already", topic, n.Site)
}

// JoinGlobal joins each record of a stream with the row of a global table whose key name makes of the record's value.
// Records whose row is not there give no result; those with a null value are dropped and counted.
func JoinGlobal[R, K, V, GK, U any](
	s *Stream[K, V], t *GlobalTable[GK, U], name func(V) GK, join func(value V, row U) R,
) *Stream[K, R] {
	s.of().given(name != nil, "JoinGlobal: name")
	s.of().given(join != nil, "JoinGlobal: join")
	return joinGlobal(s, t, false, keyOf[K](name),
		func(r Record[K, V], _ Optional[GK], row Optional[U]) (Optional[R], error) {
			return Some(join(r.Value, row.Value)), nil
		})
}

// LeftJoinGlobal is JoinGlobal with a result for each record: where there is no row, row is none.
func LeftJoinGlobal[R, K, V, GK, U any](
	s *Stream[K, V], t *GlobalTable[GK, U], name func(V) GK, join func(value V, row Optional[U]) R,
) *Stream[K, R] {
	s.of().given(name != nil, "LeftJoinGlobal: name")
	s.of().given(join != nil, "LeftJoinGlobal: join")
	return joinGlobal(s, t, true, keyOf[K](name),
		func(r Record[K, V], _ Optional[GK], row Optional[U]) (Optional[R], error) {
			return Some(join(r.Value, row)), nil
		})
}

// JoinGlobalRecord joins with a global table, kind Inner or Left, by functions that see the whole record: name gives
// the key of the row, none if the record names none; join sees that key, too (KIP-1340). A result of none is a null
// value.
func JoinGlobalRecord[R, K, V, GK, U any](
	s *Stream[K, V], t *GlobalTable[GK, U], kind JoinKind, name func(Record[K, V]) (Optional[GK], error),
	join func(r Record[K, V], named Optional[GK], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	s.of().given(name != nil, "JoinGlobalRecord: name")
	s.of().given(join != nil, "JoinGlobalRecord: join")
	if kind != Inner && kind != Left {
		s.b.graph.Fail(graph.Site(), "a join with a global table is Inner or Left")
	}
	return joinGlobal(s, t, kind == Left, name, join)
}

func joinGlobal[R, K, V, GK, U any](
	s *Stream[K, V], t *GlobalTable[GK, U], left bool, name func(Record[K, V]) (Optional[GK], error),
	join func(Record[K, V], Optional[GK], Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	site := graph.Site()
	if t == nil || t.b == nil {
		s.b.graph.Fail(site, "the global table to join is nil")
		return &Stream[K, R]{b: s.b, node: s.node}
	}
	if t.b != s.b {
		s.b.graph.Fail(site, "stream and table of two builders are joined: build both with one")
	}
	return process(s, "join", site, []storage.Spec{storage.Of(t.store)}, func() graph.Processor[K, V, K, R] {
		return operator.GlobalJoin(operator.ViewOf[GK, U](t.rows), left, name, join)
	})
}
