package worker

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millstream-go/millstream/internal/graph"
)

// roster is which tasks the workers of this process have.
type roster struct {
	mu struct {
		sync.Mutex
		of map[int][]graph.TaskID
	}
}

// set tells the tasks of a worker, and gives the number of those of all workers.
func (r *roster) set(worker int, tasks []graph.TaskID) (total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.of == nil {
		r.mu.of = map[int][]graph.TaskID{}
	}
	r.mu.of[worker] = tasks
	for _, tasks := range r.mu.of {
		total += len(tasks)
	}
	return total
}

func (r *roster) has(id graph.TaskID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tasks := range r.mu.of {
		if slices.Contains(tasks, id) {
			return true
		}
	}
	return false
}

// logMoves says what a rebalance brought and took, in one line, and where the state of what came lies.
func (s *session) logMoves(message string, moved []graph.TaskID, more ...any) {
	s.config.Process.roster.set(s.config.Index, s.taskIDs())
	if len(moved) == 0 {
		return
	}
	sortTasks(moved)
	s.config.Logger.Info(message, append([]any{
		"tasks", names(moved), "of_worker", len(s.taskIDs()),
		"of_process", s.config.Process.roster.set(s.config.Index, s.taskIDs()),
	}, more...)...)
}

func (s *session) taskIDs() (ids []graph.TaskID) {
	for _, t := range s.set.Tasks() {
		ids = append(ids, t.ID)
	}
	for id := range s.restores {
		if s.set.Task(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func sortTasks(ids []graph.TaskID) {
	slices.SortFunc(ids, func(x, y graph.TaskID) int {
		return cmp.Or(cmp.Compare(x.Sub, y.Sub), cmp.Compare(x.Partition, y.Partition))
	})
}

func names(ids []graph.TaskID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}
