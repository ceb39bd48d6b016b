package graph

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
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
	return AddCodedSource(g, t, CodingOf(key, value), ExtractOf(extract))
}

// AddCodedSource is AddSource without its types.
func AddCodedSource(g *Graph, t *Topic, c Coding, extract Extract) *Node {
	n := &Node{Kind: SourceNode, Topic: t, Site: t.Site, Global: t.Global, suffix: c.suffix, gives: c.types}
	n.link = func(in *Instance, children []inletFunc) (any, error) {
		s := &source{
			in: in, node: n, key: c.decodeKey(), value: c.decodeValue(), extract: extract, forward: n.fan(children),
		}
		s.frame = c.framing()
		return s, nil
	}
	return g.add(n, "source")
}

// AddProcessor adds a step downstream of its parents. op names the operator. new is called once for each task, and
// twice by the first Compile, to see that it makes a new processor each time.
func AddProcessor[KIn, VIn, KOut, VOut any](
	g *Graph, op, site string, parents []*Node, stores []storage.Spec, new func() Processor[KIn, VIn, KOut, VOut],
) *Node {
	return AddFormed(g, op, site, parents, stores, Records, Records, new)
}

// AddFormed is AddProcessor for a processor that takes, or forwards, changes of a table.
func AddFormed[KIn, VIn, KOut, VOut any](
	g *Graph, op, site string, parents []*Node, stores []storage.Spec, takes, gives Form,
	new func() Processor[KIn, VIn, KOut, VOut],
) *Node {
	made := func() any { return new() }
	in, out := input[*Context[KOut, VOut], KIn, VIn](takes), output[KOut, VOut](gives)
	n := g.addProcessor(op, site, parents, stores, made, in, out)
	if takes == Records {
		n.takes = typesOf[KIn, VIn]()
	}
	if gives == Records {
		n.gives = typesOf[KOut, VOut]()
	}
	return n
}

// AddFixedKeyProcessor is AddProcessor for a FixedKeyProcessor.
func AddFixedKeyProcessor[K, VIn, VOut any](
	g *Graph, op, site string, parents []*Node, stores []storage.Spec, new func() FixedKeyProcessor[K, VIn, VOut],
) *Node {
	made := func() any { return new() }
	in, out := fixedKeyInput[*FixedKeyContext[K, VOut], K, VIn](), fixedKeyOutput[K, VOut]()
	n := g.addProcessor(op, site, parents, stores, made, in, out)
	n.takes, n.gives = typesOf[K, VIn](), typesOf[K, VOut]()
	return n
}

// addProcessor is AddProcessor without its types.
func (g *Graph) addProcessor(
	op, site string, parents []*Node, stores []storage.Spec, made func() any, input inputSide, output outputSide,
) *Node {
	n := &Node{Kind: ProcessorNode, Parents: parents, Stores: stores, Site: site, make: made, hooks: output.hooks}
	n.link = func(in *Instance, children []inletFunc) (any, error) {
		ctx := output.link(in, n, n.fan(children))
		ctx.(AnyContext).scoped().outputs = n.named(children)
		use, inlet := input(in, n, ctx)
		in.steps = append(in.steps, step{node: n, make: func() (hooks, error) {
			p := made()
			if IsNil(p) {
				return hooks{}, errNoProcessor
			}
			if err := g.makers.take(n, p); err != nil {
				return hooks{}, err
			}
			use(p)
			h := output.hooks(p, ctx)
			return h, h.check(p)
		}})
		return inletFunc(inlet), nil
	}
	return g.add(n, op)
}

// inletFunc is where the records of a step enter it.
type inletFunc func(*Flow) error

// inputSide links the side of a step that takes records: its inlet, and use, which gives that the task's processor.
type inputSide func(in *Instance, n *Node, ctx any) (use func(p any), inlet func(*Flow) error)

// outputSide is the side of a step that forwards records. link makes its context, hooks finds those of its processor.
type outputSide struct {
	link  func(in *Instance, n *Node, forward func(*Flow) error) (ctx any)
	hooks func(p, ctx any) hooks
}

// input is not inlined, so that it is compiled once for each pair of types: C, the context, is a pointer.
//
//go:noinline
func input[C, K, V any](form Form) inputSide {
	type processor interface {
		Process(ctx C, r Record[K, V]) error
	}
	return func(in *Instance, n *Node, ctx any) (use func(p any), _ func(*Flow) error) {
		var p processor
		c, records := ctx.(C), newInlet[K, V](form)
		return func(made any) { p = made.(processor) }, func(f *Flow) error {
			caller := in.node
			in.node = n
			if err := p.Process(c, *records.take(f)); err != nil {
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
	return func(in *Instance, n *Node, ctx any) (use func(p any), _ func(*Flow) error) {
		var p processor
		c, records := ctx.(C), newInlet[K, V](Records)
		return func(made any) { p = made.(processor) }, func(f *Flow) error {
			caller := in.node
			in.node = n
			if err := p.Process(c, FixedKeyRecord[K, V]{*records.take(f)}); err != nil {
				return err
			}
			in.node = caller
			return nil
		}
	}
}

//go:noinline
func output[K, V any](form Form) outputSide {
	link := func(in *Instance, n *Node, forward func(*Flow) error) any {
		return &Context[K, V]{scope: scope{in: in, node: n}, out: newOutlet[K, V](form, forward)}
	}
	return outputSide{link: link, hooks: finder[*Context[K, V]]()}
}

//go:noinline
func fixedKeyOutput[K, V any]() outputSide {
	link := func(in *Instance, n *Node, forward func(*Flow) error) any {
		return &FixedKeyContext[K, V]{scope: scope{in: in, node: n}, out: newOutlet[K, V](Records, forward)}
	}
	return outputSide{link: link, hooks: finder[*FixedKeyContext[K, V]]()}
}

// AddPass adds a step that hands the records of its parents on as they are.
func AddPass(g *Graph, op, site string, parents []*Node) *Node {
	n := &Node{Kind: ProcessorNode, Parents: parents, Site: site}
	n.link = func(in *Instance, children []inletFunc) (any, error) { return in.at(n, n.fan(children)), nil }
	return g.add(n, op)
}

// AddSplit adds a step that hands each record on to one of the nodes downstream: the one with the number that choose
// gives, in the order of their declaration.
func AddSplit(g *Graph, site string, parent *Node, choose func(*Flow) (int, error)) *Node {
	n := &Node{Kind: ProcessorNode, Parents: []*Node{parent}, Site: site}
	n.link = func(in *Instance, children []inletFunc) (any, error) {
		outlets := n.outlets(children)
		return in.at(n, func(f *Flow) error {
			i, err := choose(f)
			if err != nil {
				return err
			}
			return outlets[i](f)
		}), nil
	}
	return g.add(n, "split")
}

// at has a node be the one that runs during its calls.
func (in *Instance) at(n *Node, call func(*Flow) error) inletFunc {
	return func(f *Flow) error {
		caller := in.node
		in.node = n
		if err := call(f); err != nil {
			return err
		}
		in.node = caller
		return nil
	}
}

// fan makes one outlet of the inlets downstream of a node, in their order.
func (n *Node) fan(children []inletFunc) func(*Flow) error {
	inlets := n.outlets(children)
	switch len(inlets) {
	case 0:
		return func(*Flow) error { return nil }
	case 1:
		return inlets[0]
	}
	return func(f *Flow) error {
		for _, inlet := range inlets {
			if err := inlet(f); err != nil {
				return err
			}
		}
		return nil
	}
}

// outlets are the inlets downstream of a node, but for those of its named outputs.
func (n *Node) outlets(children []inletFunc) (inlets []inletFunc) {
	for i, inlet := range children {
		if n.Children[i].output == "" {
			inlets = append(inlets, inlet)
		}
	}
	return inlets
}

// checkTypes finds a step downstream that takes other types than n gives, as far as both are known.
func (n *Node) checkTypes() error {
	for _, c := range n.Children {
		if c.output == "" && n.gives != (types{}) && c.takes != (types{}) && n.gives != c.takes {
			return fmt.Errorf("topology: %s hands on records of %v and %v, %s takes %v and %v", n.Name, n.gives.key,
				n.gives.value, c.Name, c.takes.key, c.takes.value)
		}
	}
	return nil
}
