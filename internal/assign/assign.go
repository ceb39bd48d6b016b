// Package assign decides which member of a group runs which task. It is a pure function: every member would decide the
// same.
package assign

import (
	"cmp"
	"slices"
)

// Task is a task of the application.
type Task struct {
	Sub       int
	Partition int32
}

// Member is a member of the group, and the tasks that it should keep if it can.
type Member struct {
	ID string
	// Owned are the tasks that it runs, as of Generation of the group; older claims give way to newer ones.
	Owned      []Task
	Generation int32
	// Stored are the tasks whose state lies on its disk.
	Stored []Task
}

// Tasks deals the tasks out evenly: no member has two more than another. Within that, a task stays where it runs, or
// else goes where its state is, or else to the member with the fewest tasks of its sub-topology.
func Tasks(tasks []Task, members []Member) map[string][]Task {
	a := newAssignment(tasks, members)
	for _, claim := range []func(m Member) []Task{
		func(m Member) []Task { return m.Owned },
		func(m Member) []Task { return m.Stored },
	} {
		for _, m := range a.members {
			for _, t := range claim(m) {
				a.keep(m.ID, t)
			}
		}
	}
	for _, t := range a.tasks {
		if a.open[t] {
			a.give(a.poorest(t.Sub), t)
		}
	}
	return a.result
}

type assignment struct {
	tasks   []Task
	members []Member // newest generation first
	open    map[Task]bool
	result  map[string][]Task
	low     int // tasks that each member gets at least
	extra   int // members that may have one more
}

func newAssignment(tasks []Task, members []Member) *assignment {
	a := &assignment{
		tasks: slices.Clone(tasks), members: slices.Clone(members), open: map[Task]bool{}, result: map[string][]Task{},
		low: len(tasks) / len(members), extra: len(tasks) % len(members),
	}
	slices.SortFunc(a.tasks, func(x, y Task) int {
		return cmp.Or(cmp.Compare(x.Sub, y.Sub), cmp.Compare(x.Partition, y.Partition))
	})
	slices.SortFunc(a.members, func(x, y Member) int {
		return cmp.Or(-cmp.Compare(x.Generation, y.Generation), cmp.Compare(x.ID, y.ID))
	})
	for _, t := range tasks {
		a.open[t] = true
	}
	for _, m := range members {
		a.result[m.ID] = nil
	}
	return a
}

// keep gives a task to a member that claims it, if the task is to be had and the member has room.
func (a *assignment) keep(id string, t Task) {
	if n := len(a.result[id]); a.open[t] && (n < a.low || n == a.low && a.extra > 0) {
		a.give(id, t)
	}
}

func (a *assignment) give(id string, t Task) {
	if len(a.result[id]) == a.low {
		a.extra--
	}
	delete(a.open, t)
	a.result[id] = append(a.result[id], t)
}

// poorest is the member with the fewest tasks, then with the fewest of a sub-topology.
func (a *assignment) poorest(sub int) string {
	rank := func(m Member) (all, same int) {
		for _, t := range a.result[m.ID] {
			if t.Sub == sub {
				same++
			}
		}
		return len(a.result[m.ID]), same
	}
	return slices.MinFunc(a.members, func(x, y Member) int {
		xAll, xSame := rank(x)
		yAll, ySame := rank(y)
		return cmp.Or(cmp.Compare(xAll, yAll), cmp.Compare(xSame, ySame), cmp.Compare(x.ID, y.ID))
	}).ID
}
