package worker

import (
	"cmp"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/assign"
	"github.com/millstream-go/millstream/topology"
)

// roster is which tasks the workers of this process have.
type roster struct {
	mu struct {
		sync.Mutex
		of map[int][]topology.TaskID
	}
}

// set tells the tasks of a worker, and gives the number of those of all workers.
func (r *roster) set(worker int, tasks []topology.TaskID) (total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.of == nil {
		r.mu.of = map[int][]topology.TaskID{}
	}
	r.mu.of[worker] = tasks
	for _, tasks := range r.mu.of {
		total += len(tasks)
	}
	return total
}

func (r *roster) has(id topology.TaskID) bool {
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
func (w *Worker) logMoves(message string, moved []topology.TaskID, more ...any) {
	w.config.Process.roster.set(w.config.Index, w.taskIDs())
	if len(moved) == 0 {
		return
	}
	sortTasks(moved)
	w.config.Logger.Info(message, append([]any{
		"tasks", names(moved), "of_worker", len(w.taskIDs()),
		"of_process", w.config.Process.roster.set(w.config.Index, w.taskIDs()),
	}, more...)...)
}

func (w *Worker) taskIDs() (ids []topology.TaskID) {
	for _, t := range w.set.Tasks() {
		ids = append(ids, t.ID)
	}
	for id := range w.restores {
		if w.set.Task(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func sortTasks(ids []topology.TaskID) {
	slices.SortFunc(ids, func(x, y topology.TaskID) int {
		return cmp.Or(cmp.Compare(x.Sub, y.Sub), cmp.Compare(x.Partition, y.Partition))
	})
}

func names(ids []topology.TaskID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

// taskDirs are the tasks that have a directory.
func taskDirs(dir string) (ids []topology.TaskID) {
	entries, _ := os.ReadDir(dir) // a directory that is not there has none
	for _, e := range entries {
		if id, err := topology.ParseTaskID(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids
}

// copies are the copies of state that lie in directories of tasks. As a task is written in one place at a time, and
// what is written there begins with what was written before, the one written last is the nearest.
func (c Config) copies() (copies []assign.Copy) {
	dir, topo := c.StateDir, c.Topology
	for _, id := range taskDirs(dir) {
		if id.Sub >= len(topo.Subs) || len(topo.Subs[id.Sub].Stores) == 0 {
			continue
		}
		found := assign.Copy{Task: assign.Task{Sub: id.Sub, Partition: id.Partition}}
		if !c.Process.roster.has(id) {
			found.Age = ageRank(time.Since(lastWritten(filepath.Join(dir, id.String()))))
		}
		copies = append(copies, found)
	}
	return copies
}

// ageRank is 1 for up to four seconds, and one more for twice as long.
func ageRank(age time.Duration) int {
	return min(1+bits.Len64(uint64(max(0, age)/(4*time.Second))), assign.MaxAge)
}

// lastWritten is when a file of a directory was written last.
func lastWritten(dir string) (last time.Time) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		var info fs.FileInfo
		if info, _ = e.Info(); info != nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
