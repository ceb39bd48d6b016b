//go:build !synctests

package sim

import "time"

// WallSet is by how much the wall clock was set, in milliseconds: 0.
func WallSet() int64 { return 0 }

// SetWall does nothing.
func SetWall(time.Duration) {}

// OnRecord does nothing.
func OnRecord(func()) {}

// Record is called in front of the functions of each record.
func Record() {}
