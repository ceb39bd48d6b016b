package topology

import (
	"fmt"
	"strings"
)

// Mermaid is the topology as a Mermaid flowchart: a box for each sub-topology, with its steps and stores, and the
// topics between them, internal ones with double sides.
func (t *Topology) Mermaid() string {
	m := &mermaid{}
	m.write("flowchart TD\n")
	draw(t.of(), m)
	return m.String()
}

type mermaid struct{ strings.Builder }

func (m *mermaid) write(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *mermaid) topic(id, name string, internal bool) {
	if internal {
		m.write("  %s[[%s]]\n", id, mermaidText(name))
	} else {
		m.write("  %s[/%s/]\n", id, mermaidText(name))
	}
}

func (m *mermaid) openBox(id, title string) { m.write("  subgraph %s[\"%s\"]\n", id, title) }
func (m *mermaid) node(id, name string)     { m.write("    %s[%s]\n", id, mermaidText(name)) }
func (m *mermaid) store(id, name string)    { m.write("    %s[(%s)]\n", id, mermaidText(name)) }
func (m *mermaid) closeBox()                { m.write("  end\n") }
func (m *mermaid) flow(from, to string)     { m.write("  %s --> %s\n", from, to) }
func (m *mermaid) use(node, store string)   { m.write("  %s -.- %s\n", node, store) }

// Mermaid has no escapes within quotes, but entities with # in place of &.
var mermaidEntities = strings.NewReplacer("#", "#35;", `"`, "#quot;", "\n", " ")

func mermaidText(name string) string { return `"` + mermaidEntities.Replace(name) + `"` }
