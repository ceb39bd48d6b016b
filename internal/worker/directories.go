package worker

import (
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"github.com/millstream-go/millstream/internal/assign"
	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

func (w *Worker) taskDir(id graph.TaskID) string {
	return filepath.Join(w.config.StateDir, id.String())
}

func (w *Worker) globalDir() string {
	return filepath.Join(w.config.StateDir, fmt.Sprintf("global-%d", w.config.Index))
}

// leaveTask ends a task without a commit. Its databases stay open for whoever has it next.
func (w *Worker) leaveTask(t *task.Task) error {
	defer w.config.Process.Engines.release(w.taskDir(t.ID), w.config.Index)
	return t.End()
}

// hasDirectory is true if a task that reads a partition has been here.
func hasDirectory(l *cluster.Layout, stateDir, topic string, partition int32) bool {
	sub := l.Topology.SubOf(topic)
	if sub == nil {
		return false
	}
	_, err := os.Stat(filepath.Join(stateDir, graph.TaskID{Sub: sub.ID, Partition: partition}.String()))
	return err == nil
}

// taskDirs are the tasks that have a directory.
func taskDirs(dir string) (ids []graph.TaskID) {
	entries, _ := os.ReadDir(dir) // a directory that is not there has none
	for _, e := range entries {
		if id, err := graph.ParseTaskID(e.Name()); err == nil && e.IsDir() {
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
		if id.Sub >= len(topo.Subs()) || len(topo.Subs()[id.Sub].Stores) == 0 {
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
