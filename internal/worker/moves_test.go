package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// TestASessionEndsOnceOffsetsWereMoved: whatever became of the tasks that were on their way, revoked or waiting for
// ever. The inputs of those that were moved rest until then.
func TestASessionEndsOnceOffsetsWereMoved(t *testing.T) {
	ctx, states := context.Background(), []State(nil)
	s := &session{worker: New(Config{Report: func(e Event) { states = append(states, e.(State)) }})}
	s.set = task.NewSet(nil, task.Config{}, 0)
	s.restores = map[graph.TaskID]*restore{{Partition: 1}: {}}
	require.NoError(t, s.endIfMoved(ctx), "no offset was moved")

	s.movedAt = time.Now().Add(time.Hour)
	require.NoError(t, s.endIfMoved(ctx), "others may be moved, too")
	s.movedAt = time.Now().Add(-movesGather)
	require.ErrorIs(t, s.endIfMoved(ctx), errOffsetsMoved, "but not for ever")

	s.movedAt = time.Now().Add(time.Hour)
	clear(s.restores)
	s.reportIfRunning()
	require.Empty(t, states, "not every task runs")
	require.ErrorIs(t, s.endIfMoved(ctx), errOffsetsMoved)
	s.movedAt = time.Time{}
	s.reportIfRunning()
	require.Equal(t, []State{Running}, states)
}
