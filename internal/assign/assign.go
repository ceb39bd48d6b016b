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
	// Process is where it runs: members of one process share a disk. Empty means that it runs alone.
	Process string
	// Owned are the tasks that it runs, as of Generation of the group; older claims give way to newer ones.
	Owned      []Task
	Generation int32
	// Stored are the tasks whose state lies on the disk of its process.
	Stored []Copy
	// Unable are the sub-topologies that it cannot run, as it has another version of the application.
	Unable map[int]bool
}

// Copy is the state of a task on a disk.
type Copy struct {
	Task
	// Age ranks the copies of a task, from 0, which is up to date, to MaxAge.
	Age int
}

// MaxAge is the rank of the oldest copies.
const MaxAge = 15

// Group is what is dealt, and to whom.
type Group struct {
	Tasks    []Task
	Stateful map[int]bool // sub-topologies with state
	Members  []Member
}

// Deal gives each task to a member that can run it, and is empty for tasks that nobody can.
//
// Processes get shares by the number of their members, and members equal ones: of each sub-topology, of all that have
// state, and of all tasks. A share that is not whole is rounded up or down, so no member has two tasks more than
// another, of whatever kind. Of all such ways it takes one that moves the fewest tasks with state, then the fewest; and
// what has to move goes where its state is, if it can.
func (g Group) Deal() map[string][]Task {
	members := slices.SortedFunc(slices.Values(g.Members), func(x, y Member) int { return cmp.Compare(x.ID, y.ID) })
	processes := map[string][]Member{}
	var names []string
	for _, m := range members {
		name := "process " + m.Process
		if m.Process == "" {
			name = "member " + m.ID
		}
		if processes[name] == nil {
			names = append(names, name)
		}
		processes[name] = append(processes[name], m)
	}
	slices.Sort(names)
	owners := g.owners()

	between := &deal{tasks: sorted(g.Tasks), stateful: g.Stateful}
	for _, name := range names {
		between.add(processes[name], owners)
	}
	result := map[string][]Task{}
	for i, tasks := range between.run() {
		within := &deal{tasks: sorted(tasks), stateful: g.Stateful}
		for _, m := range processes[names[i]] {
			within.add([]Member{m}, owners)
		}
		for j, tasks := range within.run() {
			result[processes[names[i]][j].ID] = sorted(tasks)
		}
	}
	return result
}

// owners are the members that run the tasks: of several that claim one, that with the newest claim.
func (g Group) owners() map[Task]string {
	members := slices.SortedFunc(slices.Values(g.Members), func(x, y Member) int {
		return cmp.Or(-cmp.Compare(x.Generation, y.Generation), cmp.Compare(x.ID, y.ID))
	})
	owners := map[Task]string{}
	for _, m := range members {
		for _, t := range m.Owned {
			if owners[t] == "" {
				owners[t] = m.ID
			}
		}
	}
	return owners
}

func sorted(tasks []Task) []Task {
	return slices.SortedFunc(slices.Values(tasks), func(x, y Task) int {
		return cmp.Or(cmp.Compare(x.Sub, y.Sub), cmp.Compare(x.Partition, y.Partition))
	})
}
