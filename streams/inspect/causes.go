package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// Causes are Checks, and what only the topology and the group tell: tasks that no process has, inputs that hold nothing
// for what they are joined with, and windows that are open. topo may be nil; so may unowned.
func Causes(s streams.Snapshot, topo *topology.Topology, unowned []string) []Check {
	return causes(s, (*graph.Topology)(topo), unowned, nil)
}

// causes has the tasks of other processes, too.
func causes(s streams.Snapshot, topo *graph.Topology, unowned []string, others []streams.TaskStatus) []Check {
	checks := Checks(s)
	checks = append(checks, Check{
		Part: "peers-title", Text: "Has each partition an owner?", Found: withoutOwner(s, unowned),
	})
	if topo != nil {
		at := func(text string) int {
			return slices.IndexFunc(checks, func(c Check) bool { return c.Text == text })
		}
		if c := &checks[at(inputSilent)]; c.Found == "" {
			c.Found = farApart(s, topo)
		}
		checks = slices.Insert(checks, at(timeStands), Check{ // in front of what follows from it
			Part: "tasks-title", Text: "Does a partition get nothing while others of its topic do?",
			Found: silentPartitions(s, topo, others),
		})
		checks = append(checks,
			Check{Part: "topology", Text: "Has each side of a join records?", Found: emptySide(s, topo)},
			openWindows(s, topo))
	}
	return withUnknown(s, checks)
}

func withoutOwner(s streams.Snapshot, unowned []string) string {
	if len(unowned) == 0 || s.State < streams.Joining || s.State > streams.Stalled {
		return ""
	}
	shown, more := unowned, ""
	if len(shown) > 10 {
		shown, more = shown[:10], fmt.Sprintf(" and %d more", len(unowned)-10)
	}
	return fmt.Sprintf("no process has tasks %s%s: they move, or the group waits for a process that has gone",
		strings.Join(shown, " "), more)
}

// emptySide tells of topics that are read together with others, and have no record although these have. A source that
// is merged with others looks the same.
func emptySide(s streams.Snapshot, topo *graph.Topology) string {
	for _, sub := range topo.Subs() {
		ends, unknown := map[string]int64{}, map[string]bool{}
		for _, t := range s.Tasks {
			if number, _, _ := strings.Cut(t.Task, "_"); number != fmt.Sprint(sub.ID) {
				continue
			}
			for _, in := range t.Inputs {
				if ends[in.Topic] += in.End; in.End < 0 {
					unknown[in.Topic] = true
				}
			}
		}
		empty, full := "", ""
		for _, topic := range topo.Inputs(sub) {
			switch end, read := ends[topic]; {
			case !read || unknown[topic]:
			case end == 0:
				empty = topic
			default:
				full = topic
			}
		}
		if empty != "" && full != "" {
			return fmt.Sprintf("topic %s has never had a record in the partitions of this process, and %s has: what needs a "+
				"record of both does not come out", empty, full)
		}
	}
	return ""
}

// openWindows tells when the windows close that close next. That they are open is as it should be; it is a cause where
// stream time stands still.
func openWindows(s streams.Snapshot, topo *graph.Topology) Check {
	c := Check{Part: "stores-title", Text: "Are windows open, and when do they close?"}
	add := func(to *string, text string) {
		if text != "" {
			*to = strings.TrimPrefix(*to+"; "+text, "; ")
		}
	}
	for _, sub := range topo.Subs() {
		for _, n := range sub.Nodes {
			if n.Windows == "" {
				continue
			}
			var moving, standing []streams.TaskStatus
			for _, t := range s.Tasks {
				switch number, _ := taskID(t.Task); {
				case number != sub.ID || t.StreamTime.IsZero():
				case stands(t, s.At):
					standing = append(standing, t)
				default:
					moving = append(moving, t)
				}
			}
			add(&c.Note, closing(moving, n))
			if text := closing(standing, n); text != "" {
				add(&c.Found, "stream time stands still in "+pageCount(len(standing), "task")+" of "+text)
			}
		}
	}
	return c
}

// closing is about the task whose next window has the longest way to go.
func closing(tasks []streams.TaskStatus, n *graph.Node) string {
	w := windows{n.Windows, n.Grace}
	text, longest := "", int64(-1)
	for _, t := range tasks {
		at := t.StreamTime.UnixMilli()
		end, closes, ok := w.next(at)
		if !ok {
			return fmt.Sprintf("%s: its windows, %s with a grace of %v, close once stream time is past their end by that",
				n.Name, w.text, w.grace)
		}
		if left := closes - at; left > longest {
			longest = left
			text = fmt.Sprintf("%s: in task %s the next window ends at %s and closes when a record of %s or later comes; "+
				"stream time is %v before that", n.Name, t.Task, clockTime(time.UnixMilli(end)), clockTime(time.UnixMilli(closes)),
				(time.Duration(left) * time.Millisecond).Round(time.Millisecond))
		}
	}
	return text
}
