//go:build synctests

package sim

import (
	"sync/atomic"
	"time"
)

var (
	wall   atomic.Int64
	record atomic.Pointer[func()]
)

// WallSet is by how much the wall clock was set, in milliseconds.
func WallSet() int64 { return wall.Load() }

// SetWall sets the wall clock of all instances ahead of, or below 0 behind, that of the bubble.
func SetWall(by time.Duration) { wall.Store(by.Milliseconds()) }

// Record is called in front of the functions of each record.
func Record() {
	if f := record.Load(); f != nil {
		(*f)()
	}
}

// OnRecord has a function called in front of those of each record, on the goroutine that calls them; nil for none.
func OnRecord(f func()) {
	if f == nil {
		record.Store(nil)
		return
	}
	record.Store(&f)
}
