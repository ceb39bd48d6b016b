package graph

import (
	"slices"
	"strings"
)

// MissingSourceError says that topics the application reads do not exist. Create them first.
type MissingSourceError struct{ Topics []string }

func (e *MissingSourceError) Error() string {
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
// writes it, and not less than it has in external; one that meets external topics in a join or a store gets theirs
// (Kafka's CopartitionedTopicsEnforcer).
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
		return nil, &MissingSourceError{Topics: missing}
	}
	fixed := t.fixedCounts(p.Topics)
	for _, name := range t.SourceTopics() {
		if n := external[name]; n > 0 && t.IsRepartition(name) && !fixed[name] {
			p.Topics[name] = n
		}
	}
	// Counts flow along sub-topologies, and between topics that meet; a chain of them is at most that long.
	for range len(t.subs) + len(t.copartitions) + 1 {
		t.deriveCounts(p.Topics, fixed)
		t.equalCounts(p.Topics, fixed)
	}
	if err := t.checkCounts(p.Topics); err != nil {
		return nil, err
	}
	for _, s := range t.subs {
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
	for _, s := range t.subs {
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
	for _, s := range t.subs {
		most := t.largest(s, counts)
		for _, n := range s.Sinks {
			name := t.TopicName(n.Topic)
			if n.Topic.Repartition && !fixed[name] {
				counts[name] = max(counts[name], most)
			}
		}
	}
}

func (t *Topology) largest(s *Sub, counts map[string]int32) int32 {
	var most int32
	for _, name := range t.Inputs(s) {
		most = max(most, counts[name])
	}
	return most
}
