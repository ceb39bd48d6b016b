package topology

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
)

// JSON is the topology for programs: the application id; sub-topologies, with their nodes in the order of declaration;
// stores by name, as a Lock describes them; and topics by name, as they are called in the cluster. A topic that is both
// read and written comes once as a source and once as a sink; one that is a pattern says so, and stands for the topics
// that it matches. The text is indented, and the same on each machine.
func (t *Topology) JSON() ([]byte, error) {
	topo := t.of()
	out := topologyJSON{App: t.App(), Subs: []subJSON{}, Stores: lockStores(topo), Topics: topicsOf(topo)}
	for _, s := range topo.All() {
		sub := subJSON{ID: s.ID}
		for _, n := range s.Nodes {
			sub.Nodes = append(sub.Nodes, nodeOf(topo, n))
		}
		out.Subs = append(out.Subs, sub)
	}
	return indented(out)
}

type topologyJSON struct {
	App    string      `json:"app"`
	Subs   []subJSON   `json:"subTopologies"`
	Stores []StoreLock `json:"stores"`
	Topics []topicJSON `json:"topics"`
}

type subJSON struct {
	ID    int        `json:"id"`
	Nodes []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Topic    string   `json:"topic,omitempty"`
	Pattern  string   `json:"topicPattern,omitempty"`
	Stores   []string `json:"stores,omitempty"`
	Children []string `json:"children,omitempty"`
}

type topicJSON struct {
	Name    string `json:"name"`
	Pattern bool   `json:"pattern,omitempty"`
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Value   string `json:"value"`
}

func nodeOf(t *graph.Topology, n *graph.Node) nodeJSON {
	out := nodeJSON{Name: n.Name, Kind: n.Kind.String(), Stores: storeNames(n.Stores), Children: nodeNames(n.Children)}
	switch {
	case n.Topic == nil:
	case n.Topic.Pattern != nil:
		out.Pattern = n.Topic.Name
	default:
		out.Topic = t.TopicName(n.Topic)
	}
	return out
}

func topicsOf(t *graph.Topology) []topicJSON {
	topics := []topicJSON{}
	for _, s := range t.All() {
		for _, n := range s.Nodes {
			if n.Topic == nil {
				continue
			}
			kind := n.Kind.String()
			if n.Topic.Repartition {
				kind = "repartition"
			}
			topics = append(topics, topicJSON{
				t.TopicName(n.Topic), n.Topic.Pattern != nil, kind, n.Topic.Key, n.Topic.Value,
			})
		}
	}
	slices.SortFunc(topics, func(a, b topicJSON) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Kind, a.Kind))
	})
	return slices.Compact(topics)
}

// indented is JSON for files: with < and > as they are, and a newline at the end.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("topology: as JSON: %w", err)
	}
	return b.Bytes(), nil
}
