package streams

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
)

// TestATaskIsShownOnce: a worker that has given a task up shows it until it looks up again. The newer sight counts.
func TestATaskIsShownOnce(t *testing.T) {
	a := &App{config: Config{Workers: 2}}
	a.begin("process")
	at := time.UnixMilli(1_700_000_000_000)
	moved := graph.TaskID{Partition: 1}
	a.note(0, worker.View{Worker: 0, At: at, Running: []task.View{{}, {ID: moved}}})
	a.note(0, worker.Restore{Task: "0_1", Store: "sums", Began: at})
	a.note(1, worker.View{Worker: 1, At: at.Add(time.Millisecond), Waiting: []string{"0_1"}})
	a.note(1, worker.Restore{Task: "0_1", Store: "sums", Began: at.Add(time.Second), Worker: 1})
	s := a.Snapshot()
	require.Len(t, s.Tasks, 2)
	require.Equal(t, []string{"0_0", "0_1"}, []string{s.Tasks[0].Task, s.Tasks[1].Task})
	require.Equal(t, 1, s.Tasks[1].Worker)
	require.False(t, s.Tasks[1].Running)
	require.Len(t, s.Restores, 1)
	require.Equal(t, 1, s.Restores[0].Worker)

	a.note(0, worker.View{Worker: 0, At: at.Add(time.Second), Running: []task.View{{ID: moved}}})
	s = a.Snapshot()
	require.Len(t, s.Tasks, 1)
	require.Equal(t, 0, s.Tasks[0].Worker)
}
