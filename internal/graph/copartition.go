package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CopartitionError says that topics whose records must meet by their keys have different numbers of partitions: records
// of one key would lie in two tasks. Give the topics equal numbers, or send their records through Repartition: behind a
// merge once, in front of a join on both sides.
type CopartitionError struct {
	Counts map[string]int32 // by topic
	Site   string           // the call that needs them together
}

func (e *CopartitionError) Error() string {
	var topics []string
	for _, name := range slices.Sorted(maps.Keys(e.Counts)) {
		topics = append(topics, fmt.Sprintf("%s has %d", name, e.Counts[name]))
	}
	return fmt.Sprintf("topology: %s: topics that are joined, or kept in one store, need equal numbers of partitions, "+
		"but %s: recreate one, or send their records through Repartition (behind a merge once, else on both sides)",
		e.Site, strings.Join(topics, ", "))
}

// Split is how the records of a topic are spread over its partitions.
type Split int

const (
	SplitUnknown    Split = iota // others write it, or it is read where each record was sent
	SplitByKey                   // by the hash of the key
	SplitByFunction              // by a Partitioner
)

// Copartition is a set of sources whose partitions are joined one to one, and so must have equal numbers of them.
type Copartition struct {
	Sources []*Node
	Site    string
}

// Copartition demands that the topics which reach the nodes have the same number of partitions.
func (g *Graph) Copartition(site string, nodes ...*Node) {
	g.copartitions = append(g.copartitions, copartition(site, nodes))
}

func copartition(site string, nodes []*Node) Copartition {
	c := Copartition{Site: site}
	seen := map[*Node]bool{}
	for _, n := range nodes {
		c.Sources = n.Roots(c.Sources, seen)
	}
	return c
}

// meetings are the sources whose records meet in a store: what is kept by key must find all records of a key in one
// task, however many steps use the store.
func (g *Graph) meetings() (out []Copartition) {
	users := map[string][]*Node{}
	var names []string
	for _, n := range g.nodes {
		for _, s := range n.Stores {
			if n.Global {
				continue
			}
			if users[s.Name()] == nil {
				names = append(names, s.Name())
			}
			users[s.Name()] = append(users[s.Name()], n)
		}
	}
	for _, name := range names {
		nodes := users[name]
		// The last of them is the one that brought another topic to the store.
		if c := copartition(nodes[len(nodes)-1].Site, nodes); len(c.Sources) > 1 || c.byPattern() {
			out = append(out, c)
		}
	}
	return out
}

func (c Copartition) byPattern() bool {
	return slices.ContainsFunc(c.Sources, func(n *Node) bool { return n.Topic.Pattern != nil })
}

// equalCounts gives the topics that meet the same count: that of the external ones, or the highest.
func (t *Topology) equalCounts(counts map[string]int32, fixed map[string]bool) {
	for _, c := range t.copartitions {
		var want int32
		var wantFixed bool
		for _, name := range t.topicsOf(c) {
			if fixed[name] {
				want, wantFixed = counts[name], true
			} else if !wantFixed {
				want = max(want, counts[name])
			}
		}
		for _, name := range t.topicsOf(c) {
			if !fixed[name] {
				counts[name] = want
			}
		}
	}
}

// checkCounts is an CopartitionError for the first topics that meet and have different counts.
func (t *Topology) checkCounts(counts map[string]int32) error {
	for _, c := range t.copartitions {
		seen := map[string]int32{}
		differ := false
		for _, name := range t.topicsOf(c) {
			seen[name] = counts[name]
			differ = differ || counts[name] != counts[t.topicsOf(c)[0]]
		}
		if differ {
			return &CopartitionError{Counts: seen, Site: c.Site}
		}
	}
	return nil
}

// topicsOf are the names of the topics that meet.
func (t *Topology) topicsOf(c Copartition) (names []string) {
	for _, n := range c.Sources {
		names = append(names, t.topics(n)...)
	}
	return names
}

// checkSplits reports topics that meet although one is split by the hash of its keys and another by a function.
func (t *Topology) checkSplits() []error {
	var errs []error
	reported := map[string]bool{}
	for _, c := range t.copartitions {
		var byKey, byFunction *Node
		for _, n := range c.Sources {
			switch t.split(n) {
			case SplitByKey:
				byKey = n
			case SplitByFunction:
				byFunction = n
			}
		}
		if byKey == nil || byFunction == nil || reported[c.Site] {
			continue
		}
		reported[c.Site] = true
		errs = append(errs, fmt.Errorf("%s: topics that are joined, or kept in one store, must be split alike, but %q is "+
			"split by a Partitioner (%s) and %q by the hash of its keys (%s): give both the same Partitioner, or none",
			c.Site, byFunction.Topic.Name, byFunction.Site, byKey.Topic.Name, byKey.Site))
	}
	return errs
}

// split is how a source's topic is spread, by its declaration or by the sink of the same topology that writes it.
func (t *Topology) split(source *Node) Split {
	if source.Topic.Repartition || source.Topic.Pattern != nil {
		return source.Topic.Split
	}
	for _, n := range t.graph.nodes {
		if n.Kind == SinkNode && n.Topic.Pattern == nil && n.Topic.id() == source.Topic.id() &&
			n.Topic.Split == SplitByFunction {
			return SplitByFunction
		}
	}
	return SplitUnknown
}
