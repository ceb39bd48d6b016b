package streams

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/worker"
)

// TestHistoryIsBounded: in what it keeps, and in what it says of one thing.
func TestHistoryIsBounded(t *testing.T) {
	tasks := make([]string, 5000)
	for i := range tasks {
		tasks[i] = fmt.Sprint("0_", i)
	}
	var h history
	for range mostHappenings + 7 {
		h.note(0, worker.Assigned{Tasks: tasks})
	}
	require.Len(t, h.last, mostHappenings)
	require.Len(t, h.last[0].Tasks, mostTasksHappened)
	require.Contains(t, h.last[0].Text, "0_99 and 4900 more")
	require.Less(t, len(h.last[0].Text), 1000)

	h = history{}
	h.state(time.Now(), Joining, Restoring)
	for range mostHappenings {
		h.note(0, worker.Restore{Phase: worker.RestoreBegun})
	}
	require.Len(t, h.last, mostHappenings)
	require.Equal(t, HappenedState, h.last[0].Kind, "restores leave what led to them")
}
