package rows

import "math"

// Front remembers how far ahead nothing is, for whoever walks a store in the order of time again and again: no row that
// such a walk has to show is earlier than first. It is rolled back with the store.
type Front struct {
	first     int64
	markFirst int64
	low       int64 // the earliest row that was written, or left where it was, since the present walk began
}

// Wrote tells of a row at a time.
func (f *Front) Wrote(at int64) { f.first, f.low = min(f.first, at), min(f.low, at) }

// Begin begins a walk. Walks may be nested: end is to have what Begin returns.
func (f *Front) Begin() (outer int64) {
	outer, f.low = f.low, math.MaxInt64
	return outer
}

// End ends a walk. next is the time of the first row that it did not show, math.MaxInt64 if there is none; whole is
// false if its reader broke it off, or it failed.
func (f *Front) End(outer, next int64, whole bool) {
	if whole {
		f.first = min(next, f.low)
	}
	f.low = min(f.low, outer)
}

// First is the time before which there is nothing to show.
func (f *Front) First() int64 { return f.first }

// Mark makes the present state the one that Undo returns to.
func (f *Front) Mark() { f.markFirst = f.first }

// Undo returns to the state of Mark.
func (f *Front) Undo() { f.first = f.markFirst }
