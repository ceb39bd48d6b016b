package topology

import (
	"fmt"
	"slices"
	"strings"
)

// ErrCopartition says that topics which are joined have different numbers of partitions. Give them equal numbers, or
// send one of them through a repartition topic.
type ErrCopartition struct {
	Counts map[string]int32 // by topic
	Site   string           // the call that joins them
}

func (e *ErrCopartition) Error() string {
	var topics []string
	for name, n := range e.Counts {
		topics = append(topics, fmt.Sprintf("%s has %d", name, n))
	}
	slices.Sort(topics)
	return fmt.Sprintf("topology: %s: topics that are joined need equal numbers of partitions, but %s: "+
		"recreate one, or send it through Repartition", e.Site, strings.Join(topics, ", "))
}

// ErrMissingSource says that topics the application reads do not exist. Create them first.
type ErrMissingSource struct{ Topics []string }

func (e *ErrMissingSource) Error() string {
	return "topology: source topics do not exist: " + strings.Join(e.Topics, ", ") +
		": create them before the application starts"
}

// Partitions is the number of partitions of each topic an application reads, and of each task set.
type Partitions struct {
	Topics map[string]int32 // sources, internal ones included
	Tasks  []int32          // number of tasks by sub-topology
	Global map[string]int32 // topics of global tables
}

// Partitions works out how many partitions the repartition topics get and how many tasks there are, from the counts of
// the external topics. external may hold more topics than needed.
//
// A repartition topic without a count of its own gets as many partitions as the largest source of the sub-topology that
// writes it, and not less than it has in external; one that is joined with external topics gets theirs (Kafka's
// CopartitionedTopicsEnforcer).
func (t *Topology) Partitions(external map[string]int32) (*Partitions, error) {
	p := &Partitions{Topics: map[string]int32{}, Global: map[string]int32{}}
	global := t.GlobalTopics()
	sources, _ := t.ExternalTopics()
	var missing []string
	for _, name := range sources {
		if external[name] == 0 {
			missing = append(missing, name)
		}
		if slices.Contains(global, name) {
			p.Global[name] = external[name]
		} else {
			p.Topics[name] = external[name]
		}
	}
	if missing != nil {
		return nil, &ErrMissingSource{Topics: missing}
	}
	fixed := t.fixedCounts(p.Topics)
	for _, name := range t.SourceTopics() {
		if n := external[name]; n > 0 && t.IsRepartition(name) && !fixed[name] {
			p.Topics[name] = n
		}
	}
	for range len(t.Subs) + 1 { // counts flow along the sub-topologies; a chain is at most that long
		t.deriveCounts(p.Topics, fixed)
		if err := t.copartition(p.Topics, fixed); err != nil {
			return nil, err
		}
	}
	for _, s := range t.Subs {
		p.Tasks = append(p.Tasks, t.largest(s, p.Topics))
	}
	return p, nil
}

// fixedCounts enters the counts that authors gave and returns the topics whose count cannot be chosen.
func (t *Topology) fixedCounts(counts map[string]int32) map[string]bool {
	fixed := map[string]bool{}
	for name := range counts {
		fixed[name] = true
	}
	for _, s := range t.Subs {
		for _, n := range s.Sources {
			if n.Topic.Repartition && n.Topic.Partitions > 0 {
				counts[t.TopicName(n.Topic)] = n.Topic.Partitions
				fixed[t.TopicName(n.Topic)] = true
			}
		}
	}
	return fixed
}

func (t *Topology) deriveCounts(counts map[string]int32, fixed map[string]bool) {
	for _, s := range t.Subs {
		most := t.largest(s, counts)
		for _, n := range s.Sinks {
			name := t.TopicName(n.Topic)
			if n.Topic.Repartition && !fixed[name] {
				counts[name] = max(counts[name], most)
			}
		}
	}
}

func (t *Topology) copartition(counts map[string]int32, fixed map[string]bool) error {
	for _, c := range t.graph.copartitions {
		seen := map[string]int32{}
		var want int32
		var wantFixed bool
		for _, n := range c.Sources {
			for _, name := range t.topics(n) {
				seen[name] = counts[name]
				if fixed[name] {
					want, wantFixed = counts[name], true
				} else if !wantFixed {
					want = max(want, counts[name])
				}
			}
		}
		for name, n := range seen {
			if fixed[name] && n != want {
				return &ErrCopartition{Counts: seen, Site: c.Site}
			}
			counts[name] = want
		}
	}
	return nil
}

func (t *Topology) largest(s *Sub, counts map[string]int32) int32 {
	var most int32
	for _, name := range t.Inputs(s) {
		most = max(most, counts[name])
	}
	return most
}
