package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/streams"
)

// far is from which distance on times of inputs, or of a task and the wall clock, are told.
const far = time.Minute

// stands is true for a task that has read all and whose stream time is behind the wall clock.
func stands(t streams.TaskStatus, now time.Time) bool {
	return t.Running && t.Lag() == 0 && t.Behind(now) > far
}

// mostSilent is how many partitions a check names.
const mostSilent = 5

// silentPartitions tells of partitions of streams that get nothing while others of the same topic do, here or in the
// tasks of other processes, and what waits for them.
func silentPartitions(s streams.Snapshot, topo *graph.Topology, others []streams.TaskStatus) string {
	newest := map[string]streams.InputStatus{}
	for _, t := range slices.Concat(s.Tasks, others) {
		for _, in := range t.Inputs {
			if now, ok := newest[in.Topic]; !ok || in.Time.After(now.Time) {
				newest[in.Topic] = in
			}
		}
	}
	var texts []string
	for _, t := range s.Tasks {
		sub := partOf(topo, t)
		if sub == nil || !t.Running {
			continue
		}
		for _, in := range t.Inputs {
			if since := silentSince(in, newest[in.Topic]); since != "" && len(sources(topo, sub, in.Topic)) > 0 {
				texts = append(texts, fmt.Sprintf("%s/%d, task %s, %s, while %s/%d is at %s%s", in.Topic, in.Partition, t.Task,
					since, in.Topic, newest[in.Topic].Partition, clockTime(newest[in.Topic].Time), waiting(topo, sub, in)))
			}
		}
	}
	if len(texts) == 0 {
		return ""
	}
	if more := len(texts) - mostSilent; more > 0 {
		texts = append(texts[:mostSilent], fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, "; ") + ". All of it has been read: look at what writes there, and at the leader"
}

// silentSince is empty for a partition that is about as far as another of its topic, has more to read, or may have.
func silentSince(in, other streams.InputStatus) string {
	switch {
	case in.Lag != 0 || other.Time.IsZero():
		return ""
	case in.End == 0:
		return "has never had a record"
	case !in.Time.IsZero() && other.Time.Sub(in.Time) > far:
		return "has had nothing since " + clockTime(in.Time)
	}
	return ""
}

// partOf is the sub-topology of a task, nil if it is not known.
func partOf(topo *graph.Topology, t streams.TaskStatus) *graph.Sub {
	id, _ := taskID(t.Task)
	for _, sub := range topo.Subs() {
		if sub.ID == id {
			return sub
		}
	}
	return nil
}

// sources are the steps that read a topic as a stream. Tables may be filled once, and then stay as they are.
func sources(topo *graph.Topology, sub *graph.Sub, topic string) (nodes []*graph.Node) {
	isTable := func(n *graph.Node) bool { return strings.HasPrefix(n.Name, "table-") }
	for _, n := range sub.Sources {
		table := len(n.Children) > 0 && !slices.ContainsFunc(n.Children, func(c *graph.Node) bool { return !isTable(c) })
		named := n.Topic.Pattern != nil && n.Topic.Pattern.MatchString(topic) ||
			n.Topic.Pattern == nil && topo.TopicName(n.Topic) == topic
		if named && !table {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// waiting names the steps with windows that an input moves, and the topics that are written behind them.
func waiting(topo *graph.Topology, sub *graph.Sub, in streams.InputStatus) string {
	var steps, topics []string
	stores := map[string]bool{} // with windows: what makes final results stands beside the step that keeps them
	for _, n := range sub.Nodes {
		for _, s := range n.Stores {
			stores[s.Name()] = stores[s.Name()] || n.Windows != ""
		}
	}
	seen := map[*graph.Node]bool{}
	var walk func(n *graph.Node, windowed bool)
	walk = func(n *graph.Node, windowed bool) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.Windows != "" {
			steps = append(steps, fmt.Sprintf("%s (%s)", n.Name, n.Windows))
		}
		windowed = windowed || slices.ContainsFunc(n.Stores, func(s storage.Spec) bool { return stores[s.Name()] })
		if n.Kind == graph.SinkNode && windowed && n.Topic.Pattern == nil {
			topics = append(topics, topo.TopicName(n.Topic))
		}
		for _, c := range n.Children {
			walk(c, windowed)
		}
	}
	for _, n := range sources(topo, sub, in.Topic) {
		walk(n, false)
	}
	if len(steps) == 0 {
		return ""
	}
	text := ": windows of " + strings.Join(steps, ", ") + " stay open there"
	if len(topics) > 0 {
		text += ", and what they give does not come to " + strings.Join(topics, ", ")
	}
	return text
}

// farApart tells of streams of one task whose times differ, as joins and windows see it.
func farApart(s streams.Snapshot, topo *graph.Topology) string {
	for _, t := range s.Tasks {
		sub := partOf(topo, t)
		if sub == nil {
			continue
		}
		var ins []streams.InputStatus
		for _, in := range t.Inputs {
			if len(sources(topo, sub, in.Topic)) > 0 {
				ins = append(ins, in)
			}
		}
		for _, in := range ins {
			for _, other := range ins {
				if other.Time.Sub(in.Time) > far && in.Lag == 0 && !in.Time.IsZero() {
					return fmt.Sprintf("in task %s %s/%d is at %s and %s/%d at %s: joins and windows see them far apart",
						t.Task, in.Topic, in.Partition, clockTime(in.Time), other.Topic, other.Partition, clockTime(other.Time))
				}
			}
		}
	}
	return ""
}
