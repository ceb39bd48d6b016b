package topology

import (
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
)

// pen writes a picture of a topology in some language. Elements are told apart by ids of letters and digits, as names
// may hold what the language reserves. Topics come first, then the boxes, then the edges.
type pen interface {
	topic(id, name string, internal bool)
	openBox(id, title string)
	node(id, name string)
	store(id, name string)
	closeBox()
	flow(from, to string)   // of records
	use(node, store string) // of a store by a step
}

// draw shows each sub-topology as a box with its steps and stores, and the topics between the boxes.
func draw(t *graph.Topology, p pen) {
	d := &drawing{
		pen: p, topo: t, topics: map[string]string{}, nodes: map[*graph.Node]string{}, stores: map[string]string{},
	}
	for _, s := range t.All() {
		d.declareTopics(s)
	}
	for _, s := range t.All() {
		d.box(s)
	}
	for _, s := range t.All() {
		for _, n := range s.Nodes {
			d.edgesOf(n)
		}
	}
}

// drawing has the ids that were given so far.
type drawing struct {
	pen
	topo   *graph.Topology
	topics map[string]string // by label
	nodes  map[*graph.Node]string
	stores map[string]string // by name
}

func (d *drawing) declareTopics(s *graph.Sub) {
	for _, n := range s.Nodes {
		if n.Topic == nil {
			continue
		}
		name := d.topo.Label(n.Topic)
		if d.topics[name] == "" {
			d.topics[name] = fmt.Sprintf("t%d", len(d.topics))
			d.topic(d.topics[name], name, n.Topic.Repartition)
		}
	}
}

func (d *drawing) box(s *graph.Sub) {
	if s.ID == graph.GlobalSub {
		d.openBox("sg", "global tables")
	} else {
		d.openBox(fmt.Sprintf("s%d", s.ID), fmt.Sprintf("sub-topology %d", s.ID))
	}
	for _, n := range s.Nodes {
		d.nodes[n] = fmt.Sprintf("n%d", len(d.nodes))
		d.node(d.nodes[n], n.Name)
	}
	for _, spec := range s.Stores {
		d.stores[spec.Name()] = fmt.Sprintf("c%d", len(d.stores))
		d.store(d.stores[spec.Name()], spec.Name())
	}
	d.closeBox()
}

func (d *drawing) edgesOf(n *graph.Node) {
	id := d.nodes[n]
	if n.Kind == graph.SourceNode {
		d.flow(d.topics[d.topo.Label(n.Topic)], id)
	}
	for _, c := range n.Children {
		d.flow(id, d.nodes[c])
	}
	for _, spec := range slices.Concat(n.Stores, n.Lookups) {
		d.use(id, d.stores[spec.Name()])
	}
	if n.Kind == graph.SinkNode {
		d.flow(id, d.topics[d.topo.Label(n.Topic)])
	}
}
