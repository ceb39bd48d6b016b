package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// MissingOperator is an operator that the library does not have.
type MissingOperator struct{ Op string }

func (e *MissingOperator) Error() string { return "no operator for " + e.Op }

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

// windows is a windowed group.
type windows struct {
	group *streams.WindowedGroup[string, string]
}

// build makes a topology of a scenario's nodes.
type build struct {
	b       *streams.Builder
	nodes   map[string]any // what each id stands for
	inputs  map[string]topic
	outputs map[string]topic
	stores  map[string]func(rows) []Row // of plain tables, by name
}

// Build makes the topology of a scenario through the DSL.
func (s *Scenario) build() (*build, *topology.Topology, error) {
	b := &build{
		b: streams.NewBuilder("scenario"), nodes: map[string]any{}, inputs: map[string]topic{},
		outputs: map[string]topic{}, stores: map[string]func(rows) []Row{},
	}
	for _, n := range s.Topology {
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
		return &MissingOperator{n.Op}
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
		"suppress": (*build).suppress, "join": (*build).join, "leftJoin": (*build).join,
		"process": (*build).process, "processValues": (*build).processValues,
	}
}

func (b *build) topic(name string, n Node) topic {
	t := streams.NewTopic(name, serde.String, serde.String)
	if n.Timestamp == "value" {
		t = t.Timestamp(timeInValue)
	}
	return t
}

func (b *build) source(n Node) (any, error) {
	t := b.topic(n.Topic, n)
	b.inputs[n.Topic] = t
	return keyed{stream: streams.From(b.b, t)}, nil
}

func (b *build) table(n Node) (any, error) {
	if n.HistoryMs != nil {
		return nil, &MissingOperator{"versioned table"}
	}
	t := b.topic(n.Topic, n)
	b.inputs[n.Topic] = t
	return streams.TableFrom(b.b, t, b.store(n)), nil
}

// store declares the store of a node, and shows it at the end if the scenario named it.
func (b *build) store(n Node) state.KeyValue[string, string] {
	name := n.Store
	if name == "" {
		name = n.ID
	}
	s := state.NewKeyValue(name, serde.String, serde.String)
	b.stores[name] = func(r rows) []Row { return r.of(s) }
	return s
}

func (b *build) to(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	t := b.topic(n.Topic, Node{})
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
	if _, ok := b.nodes[n.In].(*table); ok {
		return nil, &MissingOperator{"groupBy on a table"}
	}
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	return streams.GroupByRecord(s.stream, optionalKey(fn), streams.NewRepartition(n.ID, serde.String, serde.String)), nil
}

func (b *build) windowedBy(n Node) (any, error) {
	g, ok := b.nodes[n.In].(*streams.Group[string, string])
	if !ok {
		return nil, fmt.Errorf("%s is a %T, not a group", n.In, b.nodes[n.In])
	}
	w := n.Window
	var def window.Time
	switch w.Kind {
	case "tumbling":
		def = window.Tumbling(ms(w.SizeMs))
	case "hopping":
		def = window.Hopping(ms(w.SizeMs), ms(w.AdvanceMs))
	default:
		return nil, &MissingOperator{w.Kind + " windows"}
	}
	return windows{g.WindowedBy(def.Grace(ms(w.GraceMs)))}, nil
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (b *build) suppress(n Node) (any, error) {
	t, ok := b.nodes[n.In].(*streams.WindowTable[string, string])
	if n.Until != "windowClose" || !ok {
		return nil, &MissingOperator{"suppress until " + n.Until}
	}
	return t.Final(), nil
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
	s := streams.Results(r, func(k window.Windowed[string]) string { return k.Key + "@" + k.Window.String() })
	if n.Fn == "" {
		return keyed{s, false}, nil
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
