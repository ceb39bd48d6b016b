package streams

import (
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// GlobalTable is a whole topic as a table, on every instance: streams join it by any key, without repartition. For
// small tables that change little, such as reference data.
//
// It is read to its end before processing begins, and followed from then on, without any order between its changes and
// the records of streams: what a join sees depends on when it looks. A processor that names the table's store among
// its own may read it, and must not write to it.
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
	site := topology.Site()
	source := globalSource(b, topic, site)
	store = store.NoChangelog()
	b.own(store.Spec(), site)
	b.immortal(store.Spec(), site)
	spec := store.Spec()
	topology.AddStep(b.graph, "globaltable", site, []*topology.Node{source}, []state.Spec{spec},
		func() topology.Step { return operator.ToTable(spec) })
	return &GlobalTable[K, V]{b: b, store: store, rows: operator.RowsIn(spec)}
}

// GlobalProcess reads a whole topic on every instance, as GlobalTableFrom does, into stores that a processor of the
// user's fills: processors of streams that name these stores may read them. What it forwards goes nowhere; it has no
// punctuations, and is not asked before commits. Unlike Kafka Streams', it sees each record after a restart, too, that
// its stores do not hold yet. new makes a new processor at each call, see Process.
func GlobalProcess[K, V any](
	b *Builder, topic Topic[K, V], new func() Processor[K, V, struct{}, struct{}], stores ...state.Declaration,
) {
	b.given(new != nil, "GlobalProcess: new")
	site := topology.Site()
	source := globalSource(b, topic, site)
	specs := b.specs(stores, site)
	for _, s := range specs {
		b.own(s, site)
		b.immortal(s, site)
		b.arrivals(s, site)
	}
	topology.AddProcessor(b.graph, "globalprocess", site, []*topology.Node{source}, specs, new)
}

func globalSource[K, V any](b *Builder, topic Topic[K, V], site string) *topology.Node {
	return b.made().globalSource(topic.d.given(), site)
}

func (b *Builder) globalSource(d *declaredTopic, site string) *topology.Node {
	spec := d.topic(site)
	spec.Global = true
	if n := b.graph.Source(spec); n != nil && n.Global {
		b.graph.Fail(site, "topic %q fills one global table or processor, that at %s", d.name, n.Site)
	} else if n != nil {
		b.globalOrSource(d.name, site, n)
	}
	b.checkSerdes(spec, d.key, d.value)
	b.checkPast(d, site)
	return topology.AddCodedSource(b.graph, spec, d.coding, b.extract(d))
}

// globalOrSource reports a topic that n reads in the other way.
func (b *Builder) globalOrSource(topic, site string, n *topology.Node) {
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
		s.b.graph.Fail(topology.Site(), "a join with a global table is Inner or Left")
	}
	return joinGlobal(s, t, kind == Left, name, join)
}

func joinGlobal[R, K, V, GK, U any](
	s *Stream[K, V], t *GlobalTable[GK, U], left bool, name func(Record[K, V]) (Optional[GK], error),
	join func(Record[K, V], Optional[GK], Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	site := topology.Site()
	if t == nil || t.b == nil {
		s.b.graph.Fail(site, "the global table to join is nil")
		return &Stream[K, R]{b: s.b, node: s.node}
	}
	if t.b != s.b {
		s.b.graph.Fail(site, "stream and table of two builders are joined: build both with one")
	}
	return process(s, "join", site, []state.Spec{t.store.Spec()}, func() topology.Processor[K, V, K, R] {
		return operator.GlobalJoin(operator.ViewOf[GK, U](t.rows), left, name, join)
	})
}
