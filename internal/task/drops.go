package task

import (
	"maps"
	"sync"

	"github.com/millstream-go/millstream/topology"
)

// Drops counts the records that were dropped, by reason. It may be shared between workers.
type Drops struct {
	mu struct {
		sync.Mutex
		counts map[topology.DropReason]int64
	}
}

func (d *Drops) add(reason topology.DropReason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.counts == nil {
		d.mu.counts = map[topology.DropReason]int64{}
	}
	d.mu.counts[reason]++
}

// Counts is the number of dropped records by reason so far.
func (d *Drops) Counts() map[topology.DropReason]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.mu.counts)
}
