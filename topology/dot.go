package topology

import (
	"fmt"
	"strings"
)

// DOT is the topology as a Graphviz digraph: a cluster for each sub-topology, with its steps and its stores
// (cylinders), and the topics between them (parallelograms, internal ones boxes with a double line).
func (t *Topology) DOT() string {
	d := &dot{}
	d.write("digraph %s {\n  node [shape=box]\n", dotText(t.App()))
	draw(t.of(), d)
	d.write("}\n")
	return d.String()
}

type dot struct{ strings.Builder }

func (d *dot) write(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *dot) topic(id, name string, internal bool) {
	shape := "shape=parallelogram"
	if internal {
		shape = "peripheries=2"
	}
	d.write("  %s [label=%s, %s]\n", id, dotText(name), shape)
}

func (d *dot) openBox(id, title string) {
	d.write("  subgraph cluster_%s {\n    label=%s\n", strings.TrimPrefix(id, "s"), dotText(title))
}

func (d *dot) node(id, name string) { d.write("    %s [label=%s, style=rounded]\n", id, dotText(name)) }
func (d *dot) store(id, name string) {
	d.write("    %s [label=%s, shape=cylinder]\n", id, dotText(name))
}
func (d *dot) closeBox()              { d.write("  }\n") }
func (d *dot) flow(from, to string)   { d.write("  %s -> %s\n", from, to) }
func (d *dot) use(node, store string) { d.write("  %s -> %s [dir=none, style=dashed]\n", node, store) }

// In a label a backslash begins an escape, such as \N for the node's id. A NUL would end the string.
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x00", "")

func dotText(name string) string { return `"` + dotEscapes.Replace(name) + `"` }
