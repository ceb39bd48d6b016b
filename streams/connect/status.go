package connect

import (
	"maps"
	"sync"
	"time"
)

// Status is what a Runner has done so far, and what it is at.
type Status struct {
	Written     int64               // records, since the start
	Refused     int64               // records that were left out or sent to the dead-letter topic
	Retries     int64               // calls of the sink that failed and were repeated
	Fenced      int64               // times that another instance had taken its place
	Next        map[Partition]int64 // offsets behind what is written, of the partitions that it has
	Waiting     error               // the error for which a call of the sink is being repeated; nil: none
	WaitingFrom time.Time           // when it came first
}

// board keeps the status, for any goroutine.
type board struct {
	mu     sync.Mutex
	status Status
}

func (b *board) change(fn func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.status)
}

func (b *board) read() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.Next = maps.Clone(s.Next)
	return s
}
