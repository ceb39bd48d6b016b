package state

import "math"

// front remembers how far ahead nothing is, for whoever sweeps a store in the order of time: no row at or behind the
// last sweep is earlier than first. It is rolled back with the store.
type front struct {
	first     int64
	markFirst int64
}

// wrote tells of a row at a time.
func (f *front) wrote(at int64) { f.first = min(f.first, at) }

// swept tells what a sweep has found next; nothing if at is negative.
func (f *front) swept(at int64) {
	if at < 0 {
		at = math.MaxInt64
	}
	f.first = at
}
