package task

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/topology"
)

// TestDropsAreTakenOnce: what was dropped is told once, by step and reason with the latest of each, and stays in the
// sums.
func TestDropsAreTakenOnce(t *testing.T) {
	var d Drops
	require.Empty(t, d.Take())
	d.add(drop{"sums", topology.DropLate, 5})
	d.add(drop{"sums", topology.DropLate, 7})
	d.add(drop{"sums", topology.DropNullKey, 0})
	d.add(drop{"join", topology.DropLate, 3})
	first := []Dropped{
		{"join", topology.DropLate, 1, 3}, {"sums", topology.DropLate, 2, 7}, {"sums", topology.DropNullKey, 1, 0},
	}
	require.Equal(t, first, d.Take())
	require.Empty(t, d.Take())
	d.add(drop{"join", topology.DropLate, 1})
	require.Equal(t, []Dropped{{"join", topology.DropLate, 1, 1}}, d.Take())
	require.Equal(t, []Dropped{{"join", topology.DropLate, 2, 3}, first[1], first[2]}, d.All())
	require.Equal(t, map[topology.DropReason]int64{topology.DropLate: 4, topology.DropNullKey: 1}, d.Counts())
}
