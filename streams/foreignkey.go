package streams

import (
	"errors"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// ForeignKey declares what a join by foreign key keeps and sends: two internal topics and the store of who points
// where, with the names and bytes that Kafka Streams gives a join of the same name.
type ForeignKey[K, FK, L, R any] struct {
	name     string
	key      serde.Serde[K]
	foreign  serde.Serde[FK]
	left     serde.Serde[L]
	right    serde.Serde[R]
	inMemory bool
	spread   Partitioner[FK, wire.Subscription]
	bad      string // what is wrong with it
}

// NewForeignKey declares a join by foreign key, with the serdes of both tables' keys and values. The name must not
// change as long as the state matters.
func NewForeignKey[K, FK, L, R any](
	name string, key serde.Serde[K], foreign serde.Serde[FK], left serde.Serde[L], right serde.Serde[R],
) ForeignKey[K, FK, L, R] {
	return ForeignKey[K, FK, L, R]{name: name, key: key, foreign: foreign, left: left, right: right}
}

// InMemory is the same with its store in memory: it is restored from the changelog at each start.
func (f ForeignKey[K, FK, L, R]) InMemory() ForeignKey[K, FK, L, R] {
	f.inMemory = true
	return f
}

// RightPartition says how the right table is partitioned, if not by the hash of its key: partition gives the partition,
// of so many, in which the row of a key is. How the left table is partitioned does not matter.
func (f ForeignKey[K, FK, L, R]) RightPartition(
	partition func(key FK, partitions int32) int32,
) ForeignKey[K, FK, L, R] {
	if partition == nil {
		f.bad = "RightPartition: partition is nil: a function is needed"
	}
	f.spread = func(r Record[FK, wire.Subscription], partitions int32) []int32 {
		return []int32{partition(r.Key, partitions)}
	}
	return f
}

// JoinForeignKey joins each row of the left table with the row of the right table that it names: pointer gives the key
// of that row, none if the row names none. The result, kept in a store, has the key of the left row and follows the
// changes of both. The tables may have different numbers of partitions. A result has the higher timestamp of both rows
// where the left one changed, that of the right row where that did.
func JoinForeignKey[V, K, FK, L, R any](
	left *Table[K, L], right *Table[FK, R], via ForeignKey[K, FK, L, R], store state.KeyValue[K, V],
	pointer func(key K, left L) Optional[FK], join func(left L, right R) V,
) *Table[K, V] {
	left.of().given(pointer != nil, "JoinForeignKey: pointer")
	left.of().given(join != nil, "JoinForeignKey: join")
	return joinForeignKey(left, right, via, store, false, pointer,
		func(_ K, l L, r Optional[R]) (Optional[V], error) { return Some(join(l, r.Value)), nil })
}

// LeftJoinForeignKey is JoinForeignKey with a row for each left row: where it names none, or one that is not there,
// right is none.
func LeftJoinForeignKey[V, K, FK, L, R any](
	left *Table[K, L], right *Table[FK, R], via ForeignKey[K, FK, L, R], store state.KeyValue[K, V],
	pointer func(key K, left L) Optional[FK], join func(left L, right Optional[R]) V,
) *Table[K, V] {
	left.of().given(pointer != nil, "LeftJoinForeignKey: pointer")
	left.of().given(join != nil, "LeftJoinForeignKey: join")
	return joinForeignKey(left, right, via, store, true, pointer,
		func(_ K, l L, r Optional[R]) (Optional[V], error) { return Some(join(l, r)), nil })
}

// JoinForeignKeyRecord joins by foreign key, kind Inner or Left, by a function that sees the key. A result of none is
// no row. pointer and join must be pure functions.
func JoinForeignKeyRecord[V, K, FK, L, R any](
	left *Table[K, L], right *Table[FK, R], via ForeignKey[K, FK, L, R], store state.KeyValue[K, V], kind JoinKind,
	pointer func(key K, left L) Optional[FK], join func(key K, left L, right Optional[R]) (Optional[V], error),
) *Table[K, V] {
	left.of().given(pointer != nil, "JoinForeignKeyRecord: pointer")
	left.of().given(join != nil, "JoinForeignKeyRecord: join")
	if kind != Inner && kind != Left {
		left.b.graph.Fail(graph.Site(), "a join by foreign key is Inner or Left")
	}
	return joinForeignKey(left, right, via, store, kind == Left, pointer, join)
}

func joinForeignKey[V, K, FK, L, R any](
	left *Table[K, L], right *Table[FK, R], via ForeignKey[K, FK, L, R], store state.KeyValue[K, V], leftJoin bool,
	pointer func(K, L) Optional[FK], join func(K, L, Optional[R]) (Optional[V], error),
) *Table[K, V] {
	b, site := left.of(), graph.Site()
	right = tableGiven(b, right, left.node, site)
	if right.b != b {
		b.graph.Fail(site, "tables of two builders are joined: build both with one")
	}
	if via.name == "" {
		b.graph.Fail(site, "a foreign key needs a name: it outlives the process and is never made up")
	}
	if via.bad != "" {
		b.graph.Fail(site, "foreign key %q: %s", via.name, via.bad)
	}
	if via.key == nil || via.foreign == nil || via.left == nil || via.right == nil {
		b.graph.Fail(site, "foreign key %q needs four serdes: of both tables' keys and values", via.name)
	} else if err := errors.Join(serde.ErrOf(via.left), serde.ErrOf(via.right)); err != nil {
		b.graph.Fail(site, "foreign key %q: %w", via.name, err) // the topics tell of those of the keys
	}
	b.lookedUp(left.tableRows, site)
	b.lookedUp(right.tableRows, site)
	b.withoutTTL(storage.Of(store), site)
	b.arrivals(storage.Of(store), site)
	f := &foreignKey[K, FK, L, R, V]{b: b, site: site, left: left, right: right, via: via}
	f.join = operator.ForeignKey[K, FK, L, R, V]{
		Left: operator.ViewOf[K, L](left.rows), Right: operator.ViewOf[FK, R](right.rows),
		Subscriptions: f.subscriptions(), LeftJoin: leftJoin, Join: join,
		Extract: func(key K, row L) (Optional[FK], error) { return pointer(key, row), nil },
		Keys:    via.key, ForeignKeys: via.foreign, LeftValues: via.left, RightValues: via.right,
	}
	results := f.responses(f.answers(f.registrations()))
	if leftJoin {
		results = append(results, graph.AddFormed(b.graph, "alone", site, []*graph.Node{left.node}, nil,
			graph.Changes, graph.Records,
			func() graph.Processor[K, Change[L], K, V] { return operator.Alone(f.join) }))
	}
	return toTable[K, V](b, merged(b, results, site), store, site)
}

// foreignKey adds the nodes of a join by foreign key, in the order of a row's way.
type foreignKey[K, FK, L, R, V any] struct {
	b     *Builder
	site  string
	left  *Table[K, L]
	right *Table[FK, R]
	via   ForeignKey[K, FK, L, R]
	join  operator.ForeignKey[K, FK, L, R, V]
}

func (f *foreignKey[K, FK, L, R, V]) subscriptions() state.KeyValue[wire.Combined, wire.Subscription] {
	store := state.NewKeyValue(f.via.name+"-subscription-store", wire.CombinedSerde, wire.SubscriptionSerde)
	if f.via.inMemory {
		store = store.InMemory()
	}
	f.b.own(storage.Of(store), f.site)
	return store
}

// registrations is the source of the topic that tells the right side who points where.
func (f *foreignKey[K, FK, L, R, V]) registrations() *graph.Node {
	g := f.b.graph
	subscribe := graph.AddFormed(g, "subscribe", f.site, []*graph.Node{f.left.node}, nil,
		graph.Changes, graph.Records,
		func() graph.Processor[K, Change[L], FK, wire.Subscription] { return operator.Subscribe(f.join) })
	topic := NewRepartition(f.via.name+"-subscription-registration-topic", f.via.foreign, wire.SubscriptionSerde)
	d := topic.Partitioner(f.via.spread).d
	d.fullName, d.within = true, []any{f.via.left} // of whose rows the hashes are sent
	source := f.b.throughTopic(subscribe, d, f.site)
	g.Copartition(f.site, source, f.right.node)
	return source
}

// answers is the node beside the right table that answers.
func (f *foreignKey[K, FK, L, R, V]) answers(registrations *graph.Node) *graph.Node {
	g := f.b.graph
	stores := append([]storage.Spec{storage.Of(f.join.Subscriptions)}, f.right.stores...)
	asked := graph.AddProcessor(g, "subscriptions", f.site, []*graph.Node{registrations}, stores,
		func() graph.Processor[FK, wire.Subscription, []byte, operator.Answer] {
			return operator.Subscriptions(f.join)
		})
	changed := graph.AddFormed(g, "rightchanges", f.site, []*graph.Node{f.right.node}, stores,
		graph.Changes, graph.Records,
		func() graph.Processor[FK, Change[R], []byte, operator.Answer] {
			return operator.RightChanges(f.join)
		})
	return merged(f.b, []*graph.Node{asked, changed}, f.site)
}

// responses is the node beside the left table that makes the results of answers.
func (f *foreignKey[K, FK, L, R, V]) responses(answers *graph.Node) []*graph.Node {
	g := f.b.graph
	d := NewRepartition(f.via.name+"-subscription-response-topic", f.via.key, wire.ResponseSerde).d
	d.fullName, d.within = true, []any{f.via.right}
	spec := d.repartition(f.site)
	spec.Split = graph.SplitUnknown // an answer goes where its question came from
	graph.AddRoutedSink(g, spec, f.site, answers, serde.Bytes, serde.Serde[operator.Answer](operator.AnswerSerde),
		graph.Route[[]byte, operator.Answer]{
			Partition: func(r Record[[]byte, operator.Answer]) int32 { return r.Value.Partition },
		})
	source := graph.AddCodedSource(g, spec, d.coding, nil)
	g.Copartition(f.site, source, f.left.node)
	return []*graph.Node{graph.AddProcessor(g, "responses", f.site, []*graph.Node{source}, f.left.stores,
		func() graph.Processor[K, wire.Response, K, V] { return operator.Responses(f.join) })}
}
