package graph

import (
	"fmt"
	"slices"
)

// AddOutput adds a named output to the step of a processor: steps downstream of it get the records that the processor
// gives ForwardTo with that name, and no others. It is the one that is there where the step has it already, with the
// same types.
func AddOutput[K, V any](g *Graph, site string, parent *Node, name string) *Node {
	if err := checkName(name); err != nil {
		g.Fail(site, "output: %w", err)
		name = "unnamed"
	}
	i := slices.IndexFunc(parent.Children, func(n *Node) bool { return n.output == name })
	if i >= 0 {
		parent.Children[i].given(g, site, typesOf[K, V]())
		return parent.Children[i]
	}
	n := AddPass(g, "output-"+name, site, []*Node{parent})
	n.output, n.gives = name, typesOf[K, V]()
	n.forwarder = func(forward func(*Flow) error) any { return newOutlet[K, V](Records, forward) }
	return n
}

// given reports an output that is asked for with other types than it has.
func (n *Node) given(g *Graph, site string, t types) {
	if n.gives != t {
		g.Fail(site, "output %q has records of %v and %v (%s), and is asked for as one of %v and %v", n.output, n.gives.key,
			n.gives.value, n.Site, t.key, t.value)
	}
}

// namedOutlet is a named output of a step, linked: out is an *outlet[K, V].
type namedOutlet struct {
	name string
	out  any
}

// named are the named outputs among the nodes downstream of a node.
func (n *Node) named(children []inletFunc) (out []namedOutlet) {
	for i, c := range n.Children {
		if c.output != "" {
			out = append(out, namedOutlet{c.output, c.forwarder(children[i])})
		}
	}
	return out
}

// ForwardTo hands a record to the steps downstream of a named output of the step, as Context.Forward does with those
// downstream of the step itself. It is a MissingOutputError if the step has no such output.
func ForwardTo[K, V any](ctx AnyContext, name string, r Record[K, V]) error {
	s := ctx.scoped()
	for i := range s.outputs {
		if s.outputs[i].name != name {
			continue
		}
		if out, ok := s.outputs[i].out.(*outlet[K, V]); ok {
			return out.send(&r)
		}
	}
	return s.noOutput(name, r)
}

func (s *scope) noOutput(name string, r any) error {
	return &MissingOutputError{Output: name, Record: public(fmt.Sprintf("%T", r)), Node: s.node.Name, Site: s.node.Site}
}

// MissingOutputError says that a processor forwards to an output that its step does not have, or has with other types.
type MissingOutputError struct {
	Output string
	Record string // its type
	Node   string // the step
	Site   string // file:line of the call that declared it
}

func (e *MissingOutputError) Error() string {
	return fmt.Sprintf("topology: step %s forwards a %s to output %q, which was not asked of it: call SideOutput on the "+
		"stream of the step, %s", e.Node, e.Record, e.Output, e.Site)
}
