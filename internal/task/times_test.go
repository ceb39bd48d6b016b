package task

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// withWindows is a task with one input, a store of windows with a grace of 10 ms, and a buffer.
func withWindows() *Task {
	windows := storage.Of(state.NewWindow("windows", serde.Bytes, serde.Int64).Retain(time.Minute))
	buffer := storage.Of(state.NewBuffer("buffer", serde.Bytes, serde.Int64).Retain(time.Minute))
	return &Task{
		sub: &graph.Sub{Stores: []storage.Spec{windows, buffer}, Nodes: []*graph.Node{
			{Stores: []storage.Spec{windows}, Grace: 10 * time.Millisecond},
		}},
		inputs: []*Input{{Topic: "in", position: 7, time: 500}},
	}
}

// TestTimesOfStores: what a task believes of the times of a commit, by who has made it.
func TestTimesOfStores(t *testing.T) {
	type times = map[string]int64
	ours := times{"millstream": 7, "millstream:windows": 480, "windows": 470, "buffer": 450}
	for name, c := range map[string]struct {
		offset int64
		times  times
		want   times
		due    int64
	}{
		"ours":                                  {7, ours, times{"windows": 480, "buffer": 450}, 0},
		"ours, and nothing has reached a store": {7, times{"millstream": 7}, times{}, 0},
		"Java, which has emitted on close":      {9, times{"windows": 475}, times{"windows": 485}, 0},
		"Java, which suppresses":                {9, nil, times{"windows": 500}, 0},
		"ours, then Java, which suppresses":     {9, ours, times{"windows": 500, "buffer": 450}, 0},
		"ours, then Java, which emits on close": {9,
			times{"millstream": 7, "millstream:windows": 480, "windows": 490, "buffer": 450}, times{"windows": 500, "buffer": 450}, 0},
		"ours, of tasks that have become one": {7,
			times{"millstream": 7, "millstream:windows": 480, "windows": 430}, times{"windows": 440}, 480},
	} {
		t.Run(name, func(t *testing.T) {
			text := graph.Metadata{PartitionTime: 500, Times: c.times}.Encode()
			got, due := withWindows().storeTimes(map[string]Committed{"in": {Offset: c.offset, Metadata: text}})
			require.Equal(t, c.want, got)
			require.Equal(t, c.due, due["windows"])
		})
	}
	none, _ := withWindows().storeTimes(map[string]Committed{"in": {Offset: -1}})
	require.Empty(t, none)
}

// TestMetadataTellsWhatHasBeenEmitted: as Kafka Streams reads it under the store's name.
func TestMetadataTellsWhatHasBeenEmitted(t *testing.T) {
	task := withWindows()
	m := graph.DecodeMetadata(task.inputs[0].metadataWith(map[string]int64{"windows": 470}))
	require.Equal(t, graph.Metadata{
		PartitionTime: 500, Times: map[string]int64{"millstream": 7, "windows": 470},
	}, m)
	at, _ := timeIn(graph.Metadata{Times: map[string]int64{"millstream:windows": 480, "windows": 470}}, "windows")
	require.Equal(t, int64(480), at)
}

// TestTimesOfCommitsAreNoGarbage: a commit allocates its offsets and the text of the metadata, however many there were.
func TestTimesOfCommitsAreNoGarbage(t *testing.T) {
	task := withWindows()
	task.timeBack = 1
	require.Equal(t, 2.0, testing.AllocsPerRun(100, func() { task.offsets() }))
	require.Equal(t, map[string]int64{timeBackKey: 1}, task.times)
	m := graph.DecodeMetadata(task.inputs[0].metadata)
	require.Equal(t, map[string]int64{timeBackKey: 1, offsetKey: 7}, m.Times)
}
