package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// UnknownOperator is a node that no operator stands for.
type UnknownOperator struct{ Op string }

func (e *UnknownOperator) Error() string { return "no operator for " + e.Op }

type (
	record  = streams.Record[string, string]
	stream  = streams.Stream[string, string]
	table   = streams.Table[string, string]
	topic   = streams.Topic[string, string]
	results = streams.WindowResults[string, string]
)

// keyed is a stream, with whether its key was changed since the last topic.
type keyed struct {
	*stream
	rekeyed bool
}

type (
	group       = streams.Group[string, string]
	windowed    = streams.WindowedGroup[string, string]
	sessions    = streams.SessionGroup[string, string]
	tableGroup  = streams.TableGroup[string, string]
	windowTable = streams.WindowTable[string, string]
)

// surroundings are what a topology finds where it runs. The zero value is a place of a scenario's own.
type surroundings struct {
	topic func(name string) string // what a topic of the scenario is called there; nil: the same
	enter func(record)             // is shown the records of global tables just before they are entered; may be nil

	inMemory func(store string) bool // stores that keep their rows in memory; nil: none
}

// build makes a topology of a scenario's nodes.
type build struct {
	surroundings
	b       *streams.Builder
	nodes   map[string]any // what each id stands for
	inputs  map[string]topic
	outputs map[string]topic
	stores  map[string]func(rows) []Row // of plain tables, by name
	others  map[string]func(rows) []Row // of windowed and versioned tables, by name
}

// build makes the topology of a scenario through the DSL.
func (s *Scenario) build(at surroundings) (*build, *topology.Topology, error) {
	return newBuild(s.Topology, at)
}

// newBuild makes the topology of nodes through the DSL.
func newBuild(nodes []Node, at surroundings) (*build, *topology.Topology, error) {
	b := &build{
		surroundings: at,
		b:            streams.NewBuilder("scenario"), nodes: map[string]any{}, inputs: map[string]topic{},
		outputs: map[string]topic{}, stores: map[string]func(rows) []Row{}, others: map[string]func(rows) []Row{},
	}
	for _, n := range nodes {
		if err := b.add(n); err != nil {
			return nil, nil, fmt.Errorf("node %s: %w", n.ID, err)
		}
	}
	topo, err := b.b.Build()
	return b, topo, err
}

// add dispatches on the operator. An entry of operators adds one.
func (b *build) add(n Node) error {
	op, ok := operators[n.Op]
	if !ok {
		return &UnknownOperator{n.Op}
	}
	result, err := op(b, n)
	if err == nil && n.ID != "" {
		b.nodes[n.ID] = result
	}
	return err
}

var operators map[string]func(b *build, n Node) (any, error)

func init() {
	operators = map[string]func(b *build, n Node) (any, error){
		"stream": (*build).source, "table": (*build).table, "to": (*build).to,
		"filter": (*build).filter, "filterNot": (*build).filter, "mapValues": (*build).mapValues,
		"map": (*build).mapRecords, "selectKey": (*build).selectKey,
		"flatMapValues": (*build).flatMapValues, "flatMap": (*build).flatMap,
		"split": (*build).split, "merge": (*build).merge, "repartition": (*build).repartition,
		"toTable": (*build).toTable, "toStream": (*build).toStream,
		"groupByKey": (*build).groupByKey, "groupBy": (*build).groupBy, "windowedBy": (*build).windowedBy,
		"count": (*build).count, "reduce": (*build).reduce, "aggregate": (*build).aggregate,
		"suppress": (*build).suppress, "join": (*build).join, "leftJoin": (*build).join, "outerJoin": (*build).join,
		"cogroup": (*build).cogroup, "globalTable": (*build).globalTable,
		"fkJoin": (*build).joinForeignKey, "fkLeftJoin": (*build).joinForeignKey,
		"process": (*build).process, "processValues": (*build).processValues,
	}
}

func (b *build) declare(name string, n Node) topic {
	if b.topic != nil {
		name = b.topic(name)
	}
	t := streams.NewTopic(name, serde.String, serde.String)
	if n.Timestamp == "value" {
		t = t.Timestamp(timeInValue)
	}
	return t
}

func (b *build) source(n Node) (any, error) {
	t := b.declare(n.Topic, n)
	b.inputs[n.Topic] = t
	return keyed{stream: streams.From(b.b, t)}, nil
}

func (b *build) table(n Node) (any, error) {
	t := b.declare(n.Topic, n)
	b.inputs[n.Topic] = t
	if n.HistoryMs != nil {
		store := placed(b, b.name(n), state.NewVersioned(b.name(n), serde.String, serde.String, ms(*n.HistoryMs)))
		b.others[b.name(n)] = func(r rows) []Row { return sorted(testkit.VersionedRows(r.d, store), same) }
		return streams.VersionedTableFrom(b.b, t, store), nil
	}
	return streams.TableFrom(b.b, t, b.store(n)), nil
}

// store declares the store of a node, and shows it at the end if the scenario named it.
func (b *build) store(n Node) state.KeyValue[string, string] {
	name := b.name(n)
	s := placed(b, name, state.NewKeyValue(name, serde.String, serde.String))
	b.stores[name] = func(r rows) []Row { return r.of(s) }
	return s
}

// placed is a store where the build wants it: on the task's engine, or in memory.
func placed[S interface{ InMemory() S }](b *build, name string, store S) S {
	if b.inMemory != nil && b.inMemory(name) {
		return store.InMemory()
	}
	return store
}

func (b *build) globalTable(n Node) (any, error) {
	t := b.declare(n.Topic, n)
	if b.enter != nil {
		t = t.Timestamp(func(r record, _ int64) (int64, error) {
			b.enter(r)
			return r.Timestamp, nil
		})
	}
	b.inputs[n.Topic] = t
	return streams.GlobalTableFrom(b.b, t, b.store(n)), nil
}

// name is the name of a node's store.
func (b *build) name(n Node) string { return cmp.Or(n.Store, n.ID) }

func (b *build) to(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	t := b.declare(n.Topic, Node{})
	b.outputs[n.Topic] = t
	s.To(t)
	return nil, nil
}

func (b *build) stream(id string) (keyed, error) {
	s, ok := b.nodes[id].(keyed)
	if !ok {
		return s, fmt.Errorf("%s is a %T, not a stream", id, b.nodes[id])
	}
	return s, nil
}

// together is the stream of a node that needs the records of one key in one place.
func (b *build) together(id, name string, nullKeys bool) (*stream, error) {
	s, err := b.stream(id)
	if err != nil || !s.rekeyed {
		return s.stream, err
	}
	r := streams.NewRepartition(name, serde.String, serde.String)
	if nullKeys {
		r = r.KeepNullKeys()
	}
	return s.Repartition(r), nil
}

func (b *build) toTable(n Node) (any, error) {
	s, err := b.together(n.In, n.ID, false)
	if err != nil {
		return nil, err
	}
	return s.ToTable(b.store(n)), nil
}

func (b *build) groupByKey(n Node) (any, error) {
	s, err := b.together(n.In, n.ID, false)
	if err != nil {
		return nil, err
	}
	return s.GroupByKey(), nil
}

func (b *build) groupBy(n Node) (any, error) {
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	topic := streams.NewRepartition(n.ID, serde.String, serde.String)
	if t, ok := b.nodes[n.In].(*table); ok {
		return b.groupTable(t, n, fn, topic)
	}
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	return streams.GroupByRecord(s.stream, optionalKey(fn), topic), nil
}

func (b *build) groupTable(
	t *table, n Node, fn func(k, v *string) *string, topic streams.Repartition[string, string],
) (any, error) {
	valueFn, err := valueFunction(n.ValueFn)
	if err != nil {
		return nil, err
	}
	return streams.TableGroupByRecord(t, func(r record) (record, error) {
		return of(fn(key(r), value(r)), valueFn(value(r))), nil
	}, topic), nil
}

func (b *build) windowedBy(n Node) (any, error) {
	g, ok := b.nodes[n.In].(*group)
	if !ok {
		return nil, fmt.Errorf("%s is a %T, not a group", n.In, b.nodes[n.In])
	}
	if n.Window.Kind == "session" {
		return g.SessionsBy(sessionWindows(n.Window)), nil
	}
	w, err := windows(n.Window)
	if err != nil {
		return nil, err
	}
	return g.WindowedBy(w), nil
}

func sessionWindows(w *Window) window.Session {
	return window.Sessions(ms(w.GapMs)).Grace(ms(w.GraceMs))
}

func windows(w *Window) (window.Windows, error) {
	switch w.Kind {
	case "tumbling":
		return window.Tumbling(ms(w.SizeMs)).Grace(ms(w.GraceMs)), nil
	case "hopping":
		return window.Hopping(ms(w.SizeMs), ms(w.AdvanceMs)).Grace(ms(w.GraceMs)), nil
	case "sliding":
		return window.Sliding(ms(w.SizeMs)).Grace(ms(w.GraceMs)), nil
	}
	return window.Windows{}, &UnknownOperator{w.Kind + " windows"}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (b *build) suppress(n Node) (any, error) {
	switch t := b.nodes[n.In].(type) {
	case *windowTable:
		if n.Until == "windowClose" {
			return t.Final(), nil
		}
	case *table:
		if n.Until == "timeLimit" {
			hold := streams.HoldFor(ms(n.Ms))
			if n.MaxRecords != nil {
				hold = hold.MaxRecords(*n.MaxRecords)
			}
			return t.Suppress(hold, placed(b, n.ID, state.NewSuppress(n.ID, serde.String, serde.String))), nil
		}
	}
	return nil, &UnknownOperator{fmt.Sprintf("suppress of a %T until %s", b.nodes[n.In], n.Until)}
}

func (b *build) toStream(n Node) (any, error) {
	switch t := b.nodes[n.In].(type) {
	case *table:
		return b.tableStream(t, n)
	case *streams.WindowTable[string, string]:
		return windowStream(t.Updates(), n)
	case *results:
		return windowStream(t, n)
	}
	return nil, fmt.Errorf("%s is a %T, not a table", n.In, b.nodes[n.In])
}

func (b *build) tableStream(t *table, n Node) (any, error) {
	if n.Fn == "" {
		return keyed{stream: t.ToStream()}, nil
	}
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	return keyed{streams.ToStreamKey(t, optionalKey(fn)), true}, nil
}

// windowStream shows windows in the text of their keys. The text counts as the key that the windows already had.
func windowStream(r *results, n Node) (any, error) {
	s := streams.ResultsBy(r, func(k window.Windowed[string]) string { return k.Key + "@" + k.Window.String() })
	if n.Fn == "" {
		return keyed{s.MarkAsPartitioned(), false}, nil
	}
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	return keyed{streams.SelectKeyRecord(s, optionalKey(fn)), true}, nil
}

func (b *build) merge(n Node) (any, error) {
	var all []*stream
	rekeyed := false
	for _, id := range n.Ins {
		s, err := b.stream(id)
		if err != nil {
			return nil, err
		}
		all = append(all, s.stream)
		rekeyed = rekeyed || s.rekeyed
	}
	return keyed{all[0].Merge(slices.Clone(all[1:])...), rekeyed}, nil
}

func (b *build) repartition(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	return keyed{stream: s.Repartition(streams.NewRepartition(n.ID, serde.String, serde.String))}, nil
}
