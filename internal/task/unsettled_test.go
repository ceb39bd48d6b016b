package task

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
)

// TestUnsettledCommit is written where the group has just its offsets.
func TestUnsettledCommit(t *testing.T) {
	for name, c := range map[string]struct {
		committed func(before, sent Offset) Committed
		stored    int64
	}{
		"it was made":                {func(_, sent Offset) Committed { return committed(sent) }, 3},
		"it was not":                 {func(before, _ Offset) Committed { return committed(before) }, 1},
		"others have gone on":        {func(_, sent Offset) Committed { return Committed{Offset: 4, Metadata: sent.Metadata} }, 1},
		"others have come as far":    {func(_, _ Offset) Committed { return Committed{Offset: 3, Metadata: "other"} }, 1},
		"the group has no offset":    {func(_, _ Offset) Committed { return Committed{Offset: 3, Chosen: true} }, 1},
		"the input is not read here": {func(_, _ Offset) Committed { return Committed{} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, task := newUnlogged(t)
			require.NoError(t, s.Start(task, map[string]Committed{"a": {}}))
			commit := func(records []graph.Raw) Offset {
				s.Add(s.Input("a", 0), records, -1)
				step(t, s, 0)
				offsets, err := s.Prepare(func(graph.Output) {})
				require.NoError(t, err)
				require.Len(t, offsets, 1)
				return offsets[0]
			}
			before := commit(raws(0, "0"))
			require.NoError(t, s.Committed(0))
			sent := commit(raws(1, "1", "2"))
			requireSettled(t, s, task, c.committed(before, sent), c.stored)
		})
	}
}

func committed(o Offset) Committed { return Committed{Offset: o.Offset, Metadata: o.Metadata} }

// requireSettled ends the task with a commit that is not settled, and finds up to where its database is then.
func requireSettled(t *testing.T, s *Set, task *Task, committed Committed, stored int64) {
	require.NoError(t, s.Unsettle())
	require.NoError(t, s.Abort())
	_, err := s.Leave(task.ID)
	require.NoError(t, err)
	again := func() *Task {
		next, err := s.Make(task.ID, task.Engines())
		require.NoError(t, err)
		return next
	}
	next := again()
	require.Equal(t, int64(1), next.inputs[0].stored.Offset)
	written, err := next.Settle(map[string]Committed{"a": committed})
	require.NoError(t, err)
	require.Equal(t, stored > 1, written)
	next = again()
	require.Equal(t, stored, next.inputs[0].stored.Offset)
	written, err = next.Settle(map[string]Committed{"a": committed})
	require.NoError(t, err)
	require.False(t, written, "once")
}

// TestCommitThatMovesNothing, as what time alone does, can be told from the one before, and from the next.
func TestCommitThatMovesNothing(t *testing.T) {
	s, task := newUnlogged(t)
	require.NoError(t, s.Start(task, map[string]Committed{"a": {}}))
	s.Add(s.Input("a", 0), raws(0, "0"), -1)
	step(t, s, 0)
	seen := map[string]bool{}
	for range 3 {
		task.touch()
		offsets, err := s.Prepare(func(graph.Output) {})
		require.NoError(t, err)
		require.Len(t, offsets, 1)
		require.Equal(t, int64(1), offsets[0].Offset)
		require.False(t, seen[offsets[0].Metadata])
		seen[offsets[0].Metadata] = true
		require.NoError(t, s.Committed(0))
		if len(seen) == 2 {
			_, err = s.Leave(task.ID)
			require.NoError(t, err)
			task, err = s.Make(task.ID, task.Engines())
			require.NoError(t, err)
			s.Enter(task)
			require.NoError(t, s.Start(task, map[string]Committed{"a": committed(offsets[0])}))
		}
	}
}

// TestUnsettledCommitOfLoggedStores is not kept: their changelogs have it.
func TestUnsettledCommitOfLoggedStores(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1}, nil)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, raws(0, "0"), -1)
	step(t, s, 0)
	_, err := s.Prepare(func(graph.Output) {})
	require.NoError(t, err)
	require.NoError(t, s.Unsettle())
	require.Nil(t, task.Engines().unsettled)
	require.NoError(t, s.Abort())
}
