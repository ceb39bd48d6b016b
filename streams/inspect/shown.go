package inspect

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// pageTask is a task, with what is wrong with its stream time.
type pageTask struct {
	streams.TaskStatus
	Stands string // how far behind the wall clock it stands still; empty: it does not
}

// tasksOf are the tasks, the worst first.
func tasksOf(s streams.Snapshot) (all []pageTask) {
	for _, t := range s.Tasks {
		shown := pageTask{TaskStatus: t}
		if stands(t, s.At) {
			shown.Stands = pageDuration(t.Behind(s.At))
		}
		all = append(all, shown)
	}
	slices.SortStableFunc(all, func(a, b pageTask) int {
		return cmp.Or(cmp.Compare(b.badness(), a.badness()), cmp.Compare(b.Lag(), a.Lag()), cmp.Compare(b.Dropped, a.Dropped))
	})
	return all
}

// badness is 4 for a task that does not run, 3 for one whose stream time stands still, 2 for one that has left a record
// out as it failed, and 1 for one that drops records.
func (t pageTask) badness() int {
	switch {
	case !t.Running:
		return 4
	case t.Stands != "":
		return 3
	case t.Error != "":
		return 2
	case t.Dropped > 0:
		return 1
	}
	return 0
}

// pageDrop is what a step has dropped for a reason.
type pageDrop struct {
	streams.Drops
	Meaning string
	Of      int64 // records that the tasks of the step have processed; 0: not known
}

// meanings tell what reasons of drops mean.
var meanings = map[graph.DropReason]string{
	streams.DropLate: "The record came too late: its window is closed, or there is a newer row, so it can change nothing.",
	streams.DropNullKey: "The record has no key (it is null), so it belongs to no row, group or partner. " +
		"Its producer sends none, or a step before took it away.",
	"null_value":       "The record has no value (it is null), so there is nothing to add or join.",
	"deserialize":      "The bytes of the record are not what the serde of its topic reads: see the failures.",
	"process":          "The code of the step failed with the record, and OnError left it out: see the failures.",
	graph.DropTimeJump: "The time of the record is too far ahead, and OnError left it out: see the failures.",
	"timestamp":        "The record has no time: its timestamp, or what the extractor made of it, is negative.",
}

// dropsOf are the drops of a snapshot with what there is to say of them.
func dropsOf(s streams.Snapshot, topo *graph.Topology) (all []pageDrop) {
	processed := map[int]int64{}
	for _, t := range s.Tasks {
		sub, _ := taskID(t.Task)
		processed[sub] += t.Records
	}
	for _, d := range s.Drops {
		shown := pageDrop{Drops: d, Meaning: meanings[d.Reason]}
		if n := processed[partOfStep(topo, d.Step)]; n >= d.Records {
			shown.Of = n
		}
		all = append(all, shown)
	}
	return all
}

// partOfStep is the sub-topology of a step, -1 if it is not known.
func partOfStep(topo *graph.Topology, step string) int {
	if topo == nil {
		return -1
	}
	for _, sub := range topo.Subs() {
		if slices.ContainsFunc(sub.Nodes, func(n *graph.Node) bool { return n.Name == step }) {
			return sub.ID
		}
	}
	return -1
}

// pageFailure is failures that are the same but for their records, the newest one first.
type pageFailure struct {
	streams.Failure
	Others []streams.Failure
}

// Count is how many there are.
func (f pageFailure) Count() int { return 1 + len(f.Others) }

// First is the time of the oldest one.
func (f pageFailure) First() time.Time {
	if len(f.Others) == 0 {
		return f.At
	}
	return f.Others[len(f.Others)-1].At
}

// particular are the parts of a text that tell one record from another: numbers and what is quoted.
var particular = regexp.MustCompile(`"[^"]*"|'[^']*'|[0-9]+`)

// failuresOf are the failures by what they have in common, the newest ones first.
func failuresOf(s streams.Snapshot) (all []pageFailure) {
	at := map[[5]string]int{}
	for _, f := range slices.Backward(s.Failures) {
		same := [5]string{f.Step, f.Topic, f.Cause, f.Action, particular.ReplaceAllString(cut(f.Error, mostText), "")}
		i, ok := at[same]
		if !ok {
			at[same] = len(all)
			all = append(all, pageFailure{Failure: f})
			continue
		}
		all[i].Others = append(all[i].Others, f)
	}
	return all
}

// mostBytesShown is how many letters of a key or value the page shows.
const mostBytesShown = 200

// pageRecordBytes is a key or value as it was read.
func pageRecordBytes(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case utf8.Valid(b):
		return cut(string(b), mostBytesShown)
	}
	return cut(fmt.Sprintf("%x", b[:min(len(b), mostBytesShown)]), mostBytesShown)
}

// pageCount is a number of things, with their name.
func pageCount(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

var pictureWidth = regexp.MustCompile(`width="(\d+)"`)

// fitting lets a picture get smaller by a fifth where it does not fit, which can still be read. Beyond that it scrolls.
func fitting(svg string) string {
	m := pictureWidth.FindStringSubmatchIndex(svg)
	if m == nil {
		return svg
	}
	width, err := strconv.Atoi(svg[m[2]:m[3]])
	if err != nil {
		return svg
	}
	return svg[:m[0]] + fmt.Sprintf(`style="max-width:max(100%%,%dpx);height:auto" `, width*4/5) + svg[m[0]:]
}
