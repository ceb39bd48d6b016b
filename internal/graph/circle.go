package graph

import "fmt"

// checkCircles reports topics that a pattern reads and that are written with what comes out of it: each record would
// come back for ever. Who names such a topic means it, as one for another try, and so does who chooses it for a record.
func (t *Topology) checkCircles() []error {
	var errs []error
	for _, p := range t.patterns() {
		reached := t.reach(p, false)
		for _, n := range t.graph.nodes {
			if n.Kind == SinkNode && reached[n] && t.writesTo(n, p, false) {
				errs = append(errs, fmt.Errorf("%s: topic %q is read by %s, and written with what comes out of that: each "+
					"record would come back for ever: narrow the pattern, and read the topic by name if it is meant to",
					n.Site, t.Label(n.Topic), p.reads()))
			}
		}
	}
	return errs
}

// Circle is a topic that the topology reads and may write with what comes out of it; empty if there is none.
func (t *Topology) Circle() string {
	for _, n := range t.graph.nodes {
		if n.Kind != SourceNode {
			continue
		}
		reached := t.reach(n, true)
		for _, sink := range t.graph.nodes {
			if sink.Kind == SinkNode && reached[sink] && t.writesTo(sink, n, true) {
				return t.Label(n.Topic)
			}
		}
	}
	return ""
}

// reach are the nodes that records of a source get to, behind topics, too. Where a sink chooses among topics it is
// known only that it may write to one of a certain name.
func (t *Topology) reach(source *Node, may bool) map[*Node]bool {
	reached := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if reached[n] {
			return
		}
		reached[n] = true
		for _, c := range n.Children {
			visit(c)
		}
		if n.Kind != SinkNode {
			return
		}
		for _, s := range t.graph.nodes {
			if s.Kind == SourceNode && t.writesTo(n, s, may) {
				visit(s)
			}
		}
	}
	visit(source)
	return reached
}

// writesTo is true if a sink writes to a topic that a source reads.
func (t *Topology) writesTo(sink, source *Node, may bool) bool {
	from, to := sink.Topic, source.Topic
	switch {
	case from.Pattern == nil && to.Pattern == nil:
		return t.TopicName(from) == t.TopicName(to)
	case from.Pattern == nil:
		name := t.TopicName(from)
		return to.Pattern.MatchString(name) && !t.internal(name)
	case to.Pattern == nil:
		return may && !to.Repartition && from.Pattern.MatchString(to.Name)
	}
	return may && from.Name == to.Name
}
