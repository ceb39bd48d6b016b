package topology

import (
	"fmt"
	"strings"
)

// Mermaid is the topology as a Mermaid flowchart: a box for each sub-topology, with its steps and stores, and the
// topics between them.
func (t *Topology) Mermaid() string {
	m := &mermaid{topo: t, topics: map[string]string{}, nodes: map[*Node]string{}}
	m.write("flowchart TD\n")
	for _, s := range t.Subs {
		m.declareTopics(s)
	}
	for _, s := range t.Subs {
		m.sub(s)
	}
	m.write("%s", m.edges.String())
	return m.String()
}

// mermaid draws one topology. Elements have short ids of their own, as names may hold what Mermaid reserves.
type mermaid struct {
	strings.Builder
	topo   *Topology
	topics map[string]string // ids by name
	nodes  map[*Node]string
	stores int
	edges  strings.Builder
}

func (m *mermaid) write(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *mermaid) edge(from, arrow, to string) {
	fmt.Fprintf(&m.edges, "  %s %s %s\n", from, arrow, to)
}

// declareTopics draws topics outside of the boxes, internal ones with double sides.
func (m *mermaid) declareTopics(s *Sub) {
	for _, n := range s.Nodes {
		if n.Topic == nil {
			continue
		}
		name := m.topo.TopicName(n.Topic)
		if m.topics[name] != "" {
			continue
		}
		id := fmt.Sprintf("t%d", len(m.topics))
		m.topics[name] = id
		if n.Topic.Repartition {
			m.write("  %s[[\"%s\"]]\n", id, name)
		} else {
			m.write("  %s[/\"%s\"/]\n", id, name)
		}
	}
}

func (m *mermaid) sub(s *Sub) {
	m.write("  subgraph s%d[\"sub-topology %d\"]\n", s.ID, s.ID)
	for _, n := range s.Nodes {
		id := fmt.Sprintf("n%d", len(m.nodes))
		m.nodes[n] = id
		m.write("    %s[\"%s\"]\n", id, n.Name)
	}
	stores := map[string]string{}
	for _, spec := range s.Stores {
		id := fmt.Sprintf("c%d", m.stores)
		m.stores++
		stores[spec.Name()] = id
		m.write("    %s[(\"%s\")]\n", id, spec.Name())
	}
	m.write("  end\n")
	for _, n := range s.Nodes {
		m.edgesOf(n, stores)
	}
}

func (m *mermaid) edgesOf(n *Node, stores map[string]string) {
	id := m.nodes[n]
	if n.Kind == SourceNode {
		m.edge(m.topics[m.topo.TopicName(n.Topic)], "-->", id)
	}
	for _, c := range n.Children {
		m.edge(id, "-->", m.nodes[c])
	}
	for _, spec := range n.Stores {
		m.edge(id, "-.-", stores[spec.Name()])
	}
	if n.Kind == SinkNode {
		m.edge(id, "-->", m.topics[m.topo.TopicName(n.Topic)])
	}
}
