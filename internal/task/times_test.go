package task

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// withWindows is a task with one input, a store of windows with a grace of 10 ms, and a buffer.
func withWindows() *Task {
	windows := state.NewWindow("windows", serde.Bytes, serde.Int64).Retain(time.Minute).Spec()
	buffer := state.NewBuffer("buffer", serde.Bytes, serde.Int64).Retain(time.Minute).Spec()
	return &Task{
		sub: &topology.Sub{Stores: []state.Spec{windows, buffer}, Nodes: []*topology.Node{
			{Stores: []state.Spec{windows}, Grace: 10 * time.Millisecond},
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
	}{
		"ours":                                  {7, ours, times{"windows": 480, "buffer": 450}},
		"ours, and nothing has reached a store": {7, times{"millstream": 7}, times{}},
		"Java, which has emitted on close":      {9, times{"windows": 475}, times{"windows": 485}},
		"Java, which suppresses":                {9, nil, times{"windows": 500}},
		"ours, then Java, which suppresses":     {9, ours, times{"windows": 500, "buffer": 450}},
		"ours, then Java, which emits on close": {9,
			times{"millstream": 7, "millstream:windows": 480, "windows": 490, "buffer": 450}, times{"windows": 500, "buffer": 450}},
	} {
		t.Run(name, func(t *testing.T) {
			text := topology.Metadata{PartitionTime: 500, Times: c.times}.Encode()
			require.Equal(t, c.want, withWindows().storeTimes(map[string]Committed{"in": {Offset: c.offset, Metadata: text}}))
		})
	}
	require.Empty(t, withWindows().storeTimes(map[string]Committed{"in": {Offset: -1}}))
}

// TestMetadataTellsWhatHasBeenEmitted: as Kafka Streams reads it under the store's name.
func TestMetadataTellsWhatHasBeenEmitted(t *testing.T) {
	task := withWindows()
	m := topology.DecodeMetadata(task.inputs[0].metadataWith(map[string]int64{"windows": 470}))
	require.Equal(t, topology.Metadata{
		PartitionTime: 500, Times: map[string]int64{"millstream": 7, "windows": 470},
	}, m)
	at, _ := timeIn(topology.Metadata{Times: map[string]int64{"millstream:windows": 480, "windows": 470}}, "windows")
	require.Equal(t, int64(480), at)
}

// TestTimesOfCommitsAreNoGarbage: a commit allocates its offsets and the text of the metadata, however many there were.
func TestTimesOfCommitsAreNoGarbage(t *testing.T) {
	task := withWindows()
	task.timeBack = 1
	require.Equal(t, 2.0, testing.AllocsPerRun(100, func() { task.offsets() }))
	require.Equal(t, map[string]int64{timeBackKey: 1}, task.times)
	m := topology.DecodeMetadata(task.inputs[0].metadata)
	require.Equal(t, map[string]int64{timeBackKey: 1, offsetKey: 7}, m.Times)
}
