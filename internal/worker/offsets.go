package worker

import (
	"os"
	"path/filepath"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// refuseDeleted is an error for a topic that is read from committed offsets only, and of which the next record is gone.
func (w *Worker) refuseDeleted(in *task.Input, offset, start int64) error {
	if reset, _ := w.config.Topology.ResetOf(in.Topic); reset != topology.Committed || offset >= start {
		return nil
	}
	return &cluster.NoOffsetError{Topic: in.Topic, Partitions: []int32{in.Partition}}
}

// hasDirectory is true if a task that reads a partition has been here.
func hasDirectory(l *cluster.Layout, stateDir, topic string, partition int32) bool {
	sub := l.Topology.SubOf(topic)
	if sub == nil {
		return false
	}
	_, err := os.Stat(filepath.Join(stateDir, topology.TaskID{Sub: sub.ID, Partition: partition}.String()))
	return err == nil
}
