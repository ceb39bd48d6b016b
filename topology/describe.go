package topology

import (
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/state"
)

// Describe is the topology in the text of Kafka Streams' TopologyDescription, which viewers for it can read. Nodes come
// in the order of declaration; topics have the names that they have in the cluster.
func (t *Topology) Describe() string {
	var b strings.Builder
	b.WriteString("Topologies:\n ")
	for _, s := range t.Subs {
		fmt.Fprintf(&b, "  Sub-topology: %d\n", s.ID)
		for _, n := range s.Nodes {
			t.describe(&b, n)
		}
		b.WriteByte('\n')
	}
	if t.Global != nil {
		fmt.Fprintf(&b, "  Sub-topology: %d for global store (will not generate tasks)\n", len(t.Subs))
		for _, n := range t.Global.Nodes {
			t.describe(&b, n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (t *Topology) describe(b *strings.Builder, n *Node) {
	switch n.Kind {
	case SourceNode:
		if n.Topic.Pattern != nil {
			fmt.Fprintf(b, "    Source: %s (topics: %s)\n", n.Name, n.Topic.Name)
			break
		}
		fmt.Fprintf(b, "    Source: %s (topics: [%s])\n", n.Name, t.TopicName(n.Topic))
	case ProcessorNode:
		fmt.Fprintf(b, "    Processor: %s (stores: [%s])\n", n.Name, strings.Join(storeNames(n.Stores), ", "))
	case SinkNode:
		if n.Topic.Pattern != nil { // Kafka Streams names a class, its viewers take any text
			fmt.Fprintf(b, "    Sink: %s (extractor class: %s)\n", n.Name, t.label(n.Topic))
			break
		}
		fmt.Fprintf(b, "    Sink: %s (topic: %s)\n", n.Name, t.TopicName(n.Topic))
	}
	if n.Kind != SinkNode {
		fmt.Fprintf(b, "      --> %s\n", orNone(nodeNames(n.Children)))
	}
	if n.Kind != SourceNode {
		fmt.Fprintf(b, "      <-- %s\n", orNone(nodeNames(n.Parents)))
	}
}

func storeNames(stores []state.Spec) []string {
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = s.Name()
	}
	return names
}

func nodeNames(nodes []*Node) []string {
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
