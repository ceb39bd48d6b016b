package task

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// TestViewShowsWhereATaskIs: where its inputs are before and after a commit, how many records it has taken, and what
// its stores hold. A task that does not run is not there.
func TestViewShowsWhereATaskIs(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1}, nil)
	require.Empty(t, s.View())
	a, _ := start(t, s, task, 7, 0)
	s.Add(a, raws(0, "a0", "a1"), 7)
	before := s.View()[0]
	require.Equal(t, InputView{Topic: "a", End: 7, Time: -1, Buffered: 2}, before.Inputs[0])
	require.Equal(t, int64(-1), before.StreamTime)

	require.Equal(t, 2, step(t, s, 0))
	v := s.View()[0]
	require.Equal(t, graph.TaskID{}, v.ID)
	require.Equal(t, int64(2), v.Records)
	require.Equal(t, int64(10), v.StreamTime)
	require.Equal(t, InputView{Topic: "a", Position: 2, End: 7, Time: 10}, v.Inputs[0])

	_, err := s.Prepare(func(o graph.Output) {
		if o.Ack != nil {
			o.Ack(41)
		}
	})
	require.NoError(t, err)
	require.NoError(t, s.Committed(5))
	v = s.View()[0]
	require.Equal(t, int64(2), v.Inputs[0].Committed)
	require.Len(t, v.Stores, 1)
	counts := v.Stores[0]
	require.Positive(t, counts.CachedBytes)
	counts.CachedBytes = 0
	require.Equal(t, StoreView{
		Store: "counts", Kind: storage.KindKeyValue, Changelog: "app-counts-changelog", Offset: 42, CachedRows: 1, DiskBytes: -1,
	}, counts, "an engine in memory does not know its size")
	require.Equal(t, int64(0), before.Inputs[0].Position, "a view does not change")
}
