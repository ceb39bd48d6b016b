package inspect

import (
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// marksOf shows on the picture of a topology how fast records come, how many wait, and how many are dropped where.
func marksOf(topo *graph.Topology, s streams.Snapshot, rates map[string]rate) topology.Marks {
	m := topology.Marks{
		Topics: map[string]topology.Mark{}, Nodes: map[string]topology.Mark{}, Edges: map[[2]string]topology.Mark{},
	}
	lags := map[string]int64{}
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			lags[in.Topic] += max(0, in.Lag)
		}
	}
	for topic, lag := range lags {
		m.Topics[topic] = topology.Mark{Text: fmt.Sprintf("lag %d", lag), Bad: lag > manyBehind}
	}
	for _, d := range s.Drops {
		n := m.Nodes[d.Step]
		n.Text = strings.TrimPrefix(fmt.Sprintf("%s, %d %s", n.Text, d.Records, d.Reason), ", ")
		n.Bad = true
		m.Nodes[d.Step] = n
	}
	for step, n := range m.Nodes {
		if len(n.Text) > 30 {
			n.Text = "dropped, see below"
			m.Nodes[step] = n
		}
	}
	if f := lastFailure(s); s.State == streams.Failed && f.Step != "" {
		m.Nodes[f.Step] = topology.Mark{Text: "failed here", Bad: true}
	}
	subs := topo.Subs()
	for _, sub := range subs {
		for _, n := range sub.Nodes {
			mark := m.Nodes[n.Name]
			mark.Title = describeNode(topo, n)
			m.Nodes[n.Name] = mark
			if n.Topic == nil || n.Topic.Pattern != nil {
				continue
			}
			topic := topo.TopicName(n.Topic)
			t := m.Topics[topic]
			t.Title = fmt.Sprintf("key %s, value %s", n.Topic.Key, n.Topic.Value)
			m.Topics[topic] = t
			switch r := rates[topic]; {
			case !r.known:
			case n.Kind == graph.SourceNode:
				m.Edges[[2]string{topic, n.Name}] = topology.Mark{Text: perSecond(r.read)}
			case n.Kind == graph.SinkNode && n.Topic.Repartition:
				m.Edges[[2]string{n.Name, topic}] = topology.Mark{Text: perSecond(r.written)}
			}
		}
	}
	return m
}

// manyBehind is from which lag on a topic is marked.
const manyBehind = 10_000

func perSecond(rate float64) string {
	switch {
	case rate == 0:
		return "0/s"
	case rate < 10:
		return fmt.Sprintf("%.1f/s", rate)
	case rate < 100_000:
		return fmt.Sprintf("%.0f/s", rate)
	}
	return fmt.Sprintf("%.0fk/s", rate/1000)
}

// describeNode is what there is to say of a step beside its name.
func describeNode(topo *graph.Topology, n *graph.Node) string {
	var out []string
	if n.Topic != nil {
		out = append(out, fmt.Sprintf("%s, key %s, value %s", n.Kind, n.Topic.Key, n.Topic.Value))
	}
	for _, s := range n.Stores {
		out = append(out, fmt.Sprintf("store %s: %s", s.Name(), s.Format()))
	}
	if n.Windows != "" {
		out = append(out, fmt.Sprintf("windows %s, grace %v", n.Windows, n.Grace))
	}
	if n.Site != "" {
		out = append(out, n.Site)
	}
	return strings.Join(out, "\n")
}

// step is a node for the page.
type step struct {
	Name, Kind, Topic, Key, Value, Stores, Windows, Site string
	Sub                                                  string
}

// stepsOf are the steps of a topology.
func stepsOf(topo *graph.Topology) (all []step) {
	subs := append([]*graph.Sub{}, topo.Subs()...)
	if topo.Global() != nil {
		subs = append(subs, topo.Global())
	}
	for _, sub := range subs {
		for _, n := range sub.Nodes {
			s := step{Name: n.Name, Kind: n.Kind.String(), Site: n.Site, Windows: n.Windows, Sub: fmt.Sprint(sub.ID)}
			if sub.ID == graph.GlobalSub {
				s.Sub = "global"
			}
			if n.Topic != nil {
				s.Topic, s.Key, s.Value = n.Topic.Name, n.Topic.Key, n.Topic.Value
				if n.Topic.Pattern == nil {
					s.Topic = topo.TopicName(n.Topic)
				}
			}
			var stores []string
			for _, spec := range n.Stores {
				stores = append(stores, spec.Name())
			}
			s.Stores = strings.Join(stores, ", ")
			all = append(all, s)
		}
	}
	return all
}
