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

// AddProcessor adds a step downstream of its parents. op names the operator. new is called once for each task, and
// twice by the first Compile, to see that it makes a new processor each time.
func AddProcessor[KIn, VIn, KOut, VOut any](
	g *Graph, op, site string, parents []*Node, stores []state.Spec, new func() Processor[KIn, VIn, KOut, VOut],
) *Node {
	made := func() any { return new() }
	return g.addProcessor(op, site, parents, stores, made, input[*Context[KOut, VOut], KIn, VIn](), output[KOut, VOut]())
}

// AddFixedKeyProcessor is AddProcessor for a FixedKeyProcessor.
func AddFixedKeyProcessor[K, VIn, VOut any](
	g *Graph, op, site string, parents []*Node, stores []state.Spec, new func() FixedKeyProcessor[K, VIn, VOut],
) *Node {
	made := func() any { return new() }
	in, out := fixedKeyInput[*FixedKeyContext[K, VOut], K, VIn](), fixedKeyOutput[K, VOut]()
	return g.addProcessor(op, site, parents, stores, made, in, out)
}

// addProcessor is AddProcessor without its types.
func (g *Graph) addProcessor(
	op, site string, parents []*Node, stores []state.Spec, made func() any, input inputSide, output outputSide,
) *Node {
	n := &Node{Kind: ProcessorNode, Parents: parents, Stores: stores, Site: site, make: made, hooks: output.hooks}
	n.link = func(in *Instance, children []any) (any, error) {
		ctx, err := output.link(in, n, children)
		if err != nil {
			return nil, err
		}
		ctx.(AnyContext).scoped().outputs = n.named(children)
		use, inlet := input(in, n, ctx)
		in.steps = append(in.steps, step{node: n, make: func() (hooks, error) {
			p := made()
			if p == nil {
				return hooks{}, errNoProcessor
			}
			if err := g.makers.take(n, p); err != nil {
				return hooks{}, err
			}
			use(p)
			h := output.hooks(p, ctx)
			return h, h.check(p)
		}})
		return inlet, nil
	}
	return g.add(n, op)
}

// inputSide links the side of a step that takes records: its inlet, and use, which gives that the task's processor.
type inputSide func(in *Instance, n *Node, ctx any) (use func(p any), inlet any)

// outputSide is the side of a step that forwards records. link makes its context, hooks finds those of its processor.
type outputSide struct {
	link  func(in *Instance, n *Node, children []any) (ctx any, err error)
	hooks func(p, ctx any) hooks
}

// input is not inlined, so that it is compiled once for each pair of types: C, the context, is a pointer.
//
//go:noinline
func input[C, K, V any]() inputSide {
	type processor interface {
		Process(ctx C, r Record[K, V]) error
	}
	return func(in *Instance, n *Node, ctx any) (use func(p any), inlet any) {
		var p processor
		c := ctx.(C)
		return func(made any) { p = made.(processor) }, func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			if err := p.Process(c, r); err != nil {
				return err
			}
			in.node = caller
			return nil
		}
	}
}

// fixedKeyInput is input for a FixedKeyProcessor.
//
//go:noinline
func fixedKeyInput[C, K, V any]() inputSide {
	type processor interface {
		Process(ctx C, r FixedKeyRecord[K, V]) error
	}
	return func(in *Instance, n *Node, ctx any) (use func(p any), inlet any) {
		var p processor
		c := ctx.(C)
		return func(made any) { p = made.(processor) }, func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			if err := p.Process(c, FixedKeyRecord[K, V]{r}); err != nil {
				return err
			}
			in.node = caller
			return nil
		}
	}
}

//go:noinline
func output[K, V any]() outputSide {
	link := func(in *Instance, n *Node, children []any) (any, error) { return newContext[K, V](in, n, children) }
	return outputSide{link: link, hooks: finder[*Context[K, V]]()}
}

//go:noinline
func fixedKeyOutput[K, V any]() outputSide {
	link := func(in *Instance, n *Node, children []any) (any, error) {
		ctx, err := newContext[K, V](in, n, children)
		return &FixedKeyContext[K, V]{scope: scope{in: in, node: n}, ctx: ctx}, err
	}
	return outputSide{link: link, hooks: finder[*FixedKeyContext[K, V]]()}
}

func newContext[K, V any](in *Instance, n *Node, children []any) (*Context[K, V], error) {
	forward, err := fan[K, V](n, children)
	return &Context[K, V]{scope: scope{in: in, node: n}, forward: forward}, err
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

// AddSplit adds a step that hands each record on to one of the nodes downstream: the one with the number that choose
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

// fan makes one outlet of the inlets downstream of a node, in their order.
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

// outletsOf are the inlets downstream of a node, but for those of its named outputs, with their type.
func outletsOf[K, V any](n *Node, children []any) ([]func(Record[K, V]) error, error) {
	inlets := make([]func(Record[K, V]) error, 0, len(children))
	for i, c := range children {
		if n.Children[i].output != "" {
			continue
		}
		inlet, ok := c.(func(Record[K, V]) error)
		if !ok {
			return nil, mistyped(n, i, inlet, c)
		}
		inlets = append(inlets, inlet)
	}
	return inlets, nil
}

func mistyped(n *Node, child int, want, is any) error {
	return fmt.Errorf("topology: %s hands on %T, %s takes %T", n.Name, want, n.Children[child].Name, is)
}
