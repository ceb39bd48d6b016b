package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// TestASessionEndsOnceOffsetsWereMoved: whatever became of the tasks that were on their way, revoked or waiting for
// ever. The inputs of those that were moved rest until then.
func TestASessionEndsOnceOffsetsWereMoved(t *testing.T) {
	ctx, states := context.Background(), []State(nil)
	w := New(Config{Report: func(e Event) { states = append(states, e.(State)) }})
	w.set = task.NewSet(nil, task.Config{}, 0)
	w.restores = map[topology.TaskID]*restore{{Partition: 1}: {}}
	require.NoError(t, w.moves(ctx), "no offset was moved")

	w.movedAt = time.Now().Add(time.Hour)
	require.NoError(t, w.moves(ctx), "others may be moved, too")
	w.movedAt = time.Now().Add(-movesGather)
	require.ErrorIs(t, w.moves(ctx), errOffsetsMoved, "but not for ever")

	w.movedAt = time.Now().Add(time.Hour)
	clear(w.restores)
	w.settled()
	require.Empty(t, states, "not every task runs")
	require.ErrorIs(t, w.moves(ctx), errOffsetsMoved)
	w.movedAt = time.Time{}
	w.settled()
	require.Equal(t, []State{Running}, states)
}
