package topology

import (
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// Describe is the topology in the text of Kafka Streams' TopologyDescription, which viewers for it can read. Nodes come
// in the order of declaration; topics have the names that they have in the cluster.
func (t *Topology) Describe() string {
	topo := t.of()
	var b strings.Builder
	b.WriteString("Topologies:\n ")
	for _, s := range topo.Subs() {
		fmt.Fprintf(&b, "  Sub-topology: %d\n", s.ID)
		for _, n := range s.Nodes {
			describe(&b, topo, n)
		}
		b.WriteByte('\n')
	}
	if global := topo.Global(); global != nil {
		fmt.Fprintf(&b, "  Sub-topology: %d for global store (will not generate tasks)\n", len(topo.Subs()))
		for _, n := range global.Nodes {
			describe(&b, topo, n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func describe(b *strings.Builder, t *graph.Topology, n *graph.Node) {
	switch n.Kind {
	case graph.SourceNode:
		if n.Topic.Pattern != nil {
			fmt.Fprintf(b, "    Source: %s (topics: %s)\n", n.Name, n.Topic.Name)
			break
		}
		fmt.Fprintf(b, "    Source: %s (topics: [%s])\n", n.Name, t.TopicName(n.Topic))
	case graph.ProcessorNode:
		fmt.Fprintf(b, "    Processor: %s (stores: [%s])\n", n.Name, strings.Join(storeNames(n.Stores), ", "))
	case graph.SinkNode:
		if n.Topic.Pattern != nil { // Kafka Streams names a class, its viewers take any text
			fmt.Fprintf(b, "    Sink: %s (extractor class: %s)\n", n.Name, t.Label(n.Topic))
			break
		}
		fmt.Fprintf(b, "    Sink: %s (topic: %s)\n", n.Name, t.TopicName(n.Topic))
	}
	if n.Kind != graph.SinkNode {
		fmt.Fprintf(b, "      --> %s\n", orNone(nodeNames(n.Children)))
	}
	if n.Kind != graph.SourceNode {
		fmt.Fprintf(b, "      <-- %s\n", orNone(nodeNames(n.Parents)))
	}
}

func storeNames(stores []storage.Spec) []string {
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = s.Name()
	}
	return names
}

func nodeNames(nodes []*graph.Node) []string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	return names
}

// orNone joins names as TopologyDescription does.
func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
