package state

import "math"

// front remembers how far ahead nothing is, for whoever walks a store in the order of time again and again: no row that
// such a walk has to show is earlier than first. It is rolled back with the store.
type front struct {
	first     int64
	markFirst int64
	low       int64 // the earliest row that was written, or left where it was, since the present walk began
}

// wrote tells of a row at a time.
func (f *front) wrote(at int64) { f.first, f.low = min(f.first, at), min(f.low, at) }

// sweep runs a walk. It returns the time of the first row that it did not show, math.MaxInt64 if there is none, and
// false if its reader broke it off. Walks may be nested.
func (f *front) sweep(walk func() (next int64, whole bool, err error)) error {
	outer := f.low
	f.low = math.MaxInt64
	next, whole, err := walk()
	if whole && err == nil {
		f.first = min(next, f.low)
	}
	f.low = min(f.low, outer)
	return err
}
