package task

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
)

// TestDropsAreTakenOnce: what was dropped is told once, by step and reason with the latest of each, and stays in the
// sums.
func TestDropsAreTakenOnce(t *testing.T) {
	var d Drops
	require.Empty(t, d.Take())
	d.add(drop{"sums", graph.DropLate, 5})
	d.add(drop{"sums", graph.DropLate, 7})
	d.add(drop{"sums", graph.DropNullKey, 0})
	d.add(drop{"join", graph.DropLate, 3})
	first := []Dropped{
		{"join", graph.DropLate, 1, 3, nil}, {"sums", graph.DropLate, 2, 7, nil}, {"sums", graph.DropNullKey, 1, 0, nil},
	}
	require.Equal(t, first, d.Take())
	require.Empty(t, d.Take())
	d.add(drop{"join", graph.DropLate, 1})
	require.Equal(t, []Dropped{{"join", graph.DropLate, 1, 1, nil}}, d.Take())
	require.Equal(t, []Dropped{{"join", graph.DropLate, 2, 3, nil}, first[1], first[2]}, d.All())
	require.Equal(t, map[graph.DropReason]int64{graph.DropLate: 4, graph.DropNullKey: 1}, d.Counts())
}

// TestDropsShowARecord: one a second of each cause, with bytes of its own.
func TestDropsShowARecord(t *testing.T) {
	var d Drops
	one, key := drop{"sums", graph.DropLate, 5}, []byte("key")
	for i, now := range []int64{1000, 1500, 2000, 2999, 500} {
		d.show(one, now, &graph.Origin{Topic: "in", Partition: 2}, &graph.Raw{Key: key, Offset: int64(i)})
		d.add(one)
		want := []int64{0, 0, 2, 2, 4}[i]
		require.Equal(t, want, d.All()[0].Last.Offset, "a clock that goes back shows one, too")
	}
	key[0] = 'x'
	last := d.All()[0].Last
	require.Equal(t, "key", string(last.Record.Key))
	require.Equal(t, int32(2), last.Partition)
	require.Nil(t, d.Take()[0].Last)
	d.show(one, 9000, &graph.Origin{Topic: "in"}, &graph.Raw{Key: make([]byte, mostFailedBytes+1)})
	require.Nil(t, d.All()[0].Last.Record)
}
