package topology

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// TimestampExtractor gives the event time of a record in milliseconds. The record's Timestamp holds the broker's or
// producer's time; partitionTime is the highest timestamp taken so far from the partition, -1 if none. A negative
// result drops the record.
type TimestampExtractor[K, V any] func(r Record[K, V], partitionTime int64) (int64, error)

// AddSource adds a source of one topic. A nil extractor takes the record's own timestamp and fails on a negative one
// (Kafka's FailOnInvalidTimestamp).
func AddSource[K, V any](
	g *Graph, t *Topic, key serde.Serde[K], value serde.Serde[V], extract TimestampExtractor[K, V],
) *Node {
	n := &Node{Kind: SourceNode, Topic: t, Site: t.Site, Global: t.Global, suffix: hashSuffix(key)}
	n.link = func(in *Instance, children []any) (any, error) {
		forward, err := fan[K, V](n, children)
		return &source[K, V]{in: in, node: n, key: key, value: value, extract: extract, forward: forward}, err
	}
	return g.add(n, "source")
}

// AddProcessor adds a step behind its parents. op names the operator. new is called once for each task, and twice by
// the first Compile, to see that it makes a new processor each time.
func AddProcessor[KIn, VIn, KOut, VOut any](
	g *Graph, op, site string, parents []*Node, stores []state.Spec, new func() Processor[KIn, VIn, KOut, VOut],
) *Node {
	made := func() any { return new() }
	return g.addProcessor(op, site, parents, stores, made, input[KIn, VIn](), output[KOut, VOut]())
}

// addProcessor is AddProcessor without its types.
func (g *Graph) addProcessor(
	op, site string, parents []*Node, stores []state.Spec, made func() any, input inputSide, output outputSide,
) *Node {
	n := &Node{Kind: ProcessorNode, Parents: parents, Stores: stores, Site: site, make: made}
	n.link = func(in *Instance, children []any) (any, error) {
		start, err := output(in, n, children)
		if err != nil {
			return nil, err
		}
		use, inlet := input(in, n)
		init := func() (closer, error) {
			p := made()
			if p == nil {
				return nil, errNoProcessor
			}
			if err := in.know(n, p); err != nil {
				return nil, err
			}
			use(p)
			return p.(closer), start(p)
		}
		in.steps = append(in.steps, step{node: n, init: init})
		return inlet, nil
	}
	return g.add(n, op)
}

// inputSide links the side of a step that takes records: its inlet, and use, which gives that the task's processor.
type inputSide func(in *Instance, n *Node) (use func(p any), inlet any)

// outputSide links the side of a step that forwards records: init begins its processor with them as the context.
type outputSide func(in *Instance, n *Node, children []any) (init func(p any) error, err error)

// input is not inlined, so that it is compiled once for each pair of types.
//
//go:noinline
func input[K, V any]() inputSide {
	type processor interface{ Process(r Record[K, V]) error }
	return func(in *Instance, n *Node) (use func(p any), inlet any) {
		var p processor
		return func(made any) { p = made.(processor) }, func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			if err := p.Process(r); err != nil {
				return err
			}
			in.node = caller
			return nil
		}
	}
}

//go:noinline
func output[K, V any]() outputSide {
	type processor interface {
		Init(ctx *Context[K, V]) error
	}
	return func(in *Instance, n *Node, children []any) (init func(p any) error, err error) {
		forward, err := fan[K, V](n, children)
		if err != nil {
			return nil, err
		}
		ctx := &Context[K, V]{in: in, node: n, forward: forward}
		return func(p any) error { return p.(processor).Init(ctx) }, nil
	}
}

// AddPass adds a step that hands the records of its parents on as they are.
func AddPass[K, V any](g *Graph, op, site string, parents []*Node) *Node {
	n := &Node{Kind: ProcessorNode, Parents: parents, Site: site}
	n.link = func(in *Instance, children []any) (any, error) {
		forward, err := fan[K, V](n, children)
		if err != nil {
			return nil, err
		}
		return func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			if err := forward(r); err != nil {
				return err
			}
			in.node = caller
			return nil
		}, nil
	}
	return g.add(n, op)
}

// AddSplit adds a step that hands each record on to one of the nodes behind it: the one with the number that choose
// gives, in the order of their declaration.
func AddSplit[K, V any](g *Graph, site string, parent *Node, choose func(Record[K, V]) (int, error)) *Node {
	n := &Node{Kind: ProcessorNode, Parents: []*Node{parent}, Site: site}
	n.link = func(in *Instance, children []any) (any, error) {
		outlets, err := outletsOf[K, V](n, children)
		if err != nil {
			return nil, err
		}
		return func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			i, err := choose(r)
			if err != nil {
				return err
			}
			if err := outlets[i](r); err != nil {
				return err
			}
			in.node = caller
			return nil
		}, nil
	}
	return g.add(n, "split")
}

// know finds out what a step's processor can do beyond the interface. It is an error if another task has it.
func (in *Instance) know(n *Node, p any) error {
	if err := in.Topology.graph.makers.take(n, p); err != nil {
		return err
	}
	if f, ok := p.(interface{ unwrap() any }); ok {
		p = f.unwrap()
	}
	if r, ok := p.(Remembering); ok {
		in.remembering = append(in.remembering, r)
	}
	if a, ok := p.(Advancing); ok {
		in.advancing = append(in.advancing, advancing{node: n, Advancing: a})
	}
	if s, ok := p.(Settling); ok {
		in.settling = append(in.settling, step{node: n, call: s.Settle})
	}
	if c, ok := p.(Committing); ok {
		in.committing = append(in.committing, step{node: n, call: c.BeforeCommit})
	}
	return nil
}

// fan makes one outlet of the inlets behind a node, in their order.
func fan[K, V any](n *Node, children []any) (func(Record[K, V]) error, error) {
	inlets, err := outletsOf[K, V](n, children)
	if err != nil {
		return nil, err
	}
	switch len(inlets) {
	case 0:
		return func(Record[K, V]) error { return nil }, nil
	case 1:
		return inlets[0], nil
	}
	return func(r Record[K, V]) error {
		for _, inlet := range inlets {
			if err := inlet(r); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// outletsOf are the inlets of the nodes behind a node, with their type.
func outletsOf[K, V any](n *Node, children []any) ([]func(Record[K, V]) error, error) {
	inlets := make([]func(Record[K, V]) error, len(children))
	for i, c := range children {
		inlet, ok := c.(func(Record[K, V]) error)
		if !ok {
			return nil, mistyped(n, i, inlet, c)
		}
		inlets[i] = inlet
	}
	return inlets, nil
}

func mistyped(n *Node, child int, want, is any) error {
	return fmt.Errorf("topology: %s hands on %T, %s takes %T", n.Name, want, n.Children[child].Name, is)
}
