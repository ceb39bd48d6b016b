package streams

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/worker"
)

// Happening is something that has happened to an App.
type Happening struct {
	At     time.Time     `json:"at"`
	Kind   HappeningKind `json:"kind"`
	Worker int           `json:"worker"` // -1: it is of the whole App
	Text   string        `json:"text"`
	Tasks  []string      `json:"tasks,omitempty"` // that it is about, as in Tasks; 100 at most
}

// HappeningKind is what has happened.
type HappeningKind string

// What happens to an App.
const (
	HappenedState    HappeningKind = "state"    // the App came into another state
	HappenedAssigned HappeningKind = "assigned" // the group gave tasks to a worker
	HappenedRevoked  HappeningKind = "revoked"  // it took them from it
	HappenedRestore  HappeningKind = "restore"  // the restore of a store began, or ended
	HappenedSession  HappeningKind = "session"  // a worker lost all its tasks: it stops, or begins again
)

const (
	mostHappenings    = 200
	mostTasksHappened = 100
)

// history is what has happened last.
type history struct{ last []Happening }

// add keeps one. Of those before, restores give way first: a process that gets many tasks has two for each store, and
// they would leave nothing of what led there.
func (h *history) add(one Happening) {
	if len(h.last) == mostHappenings {
		i := max(0, slices.IndexFunc(h.last, func(h Happening) bool { return h.Kind == HappenedRestore }))
		h.last = slices.Delete(h.last, i, i+1)
	}
	one.Tasks = slices.Clone(one.Tasks[:min(len(one.Tasks), mostTasksHappened)])
	h.last = append(h.last, one)
}

// someOf names as many tasks as a Happening has.
func someOf(tasks []string) string {
	text := strings.Join(tasks[:min(len(tasks), mostTasksHappened)], " ")
	if more := len(tasks) - mostTasksHappened; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// state notes a change of the state.
func (h *history) state(at time.Time, was, is State) {
	h.add(Happening{At: at, Kind: HappenedState, Worker: -1, Text: fmt.Sprintf("%s, was %s", is, was)})
}

// note takes what a worker tells, if it belongs here.
func (h *history) note(i int, e worker.Event) {
	one := Happening{At: time.Now(), Worker: i}
	switch e := e.(type) {
	case worker.Assigned:
		one.Kind, one.Tasks, one.Text = HappenedAssigned, e.Tasks, "got tasks "+someOf(e.Tasks)
	case worker.Revoked:
		one.Kind, one.Tasks, one.Text = HappenedRevoked, e.Tasks, "gave up tasks "+someOf(e.Tasks)
	case worker.Restore:
		one.Kind, one.Tasks = HappenedRestore, []string{e.Task}
		switch {
		case e.Phase == worker.RestoreBegun:
			one.Text = fmt.Sprintf("restore of %s of task %s begins: %d offsets", e.Store, e.Task, max(0, e.End-e.Offset))
		case e.Phase == worker.RestoreEnded && e.Offset < e.End:
			one.Text = fmt.Sprintf("restore of %s of task %s is given up at %d of %d", e.Store, e.Task, e.Offset, e.End)
		case e.Phase == worker.RestoreEnded:
			one.Text = fmt.Sprintf("restore of %s of task %s has ended: %d records in %v", e.Store, e.Task, e.Records,
				e.Took.Round(time.Millisecond))
		default:
			return
		}
	case worker.SessionEnd:
		if one.Kind, one.Text = HappenedSession, "the session has ended"; e.Err != nil {
			one.Text += ": " + e.Err.Error()
		}
	default:
		return
	}
	h.add(one)
}
