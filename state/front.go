package state

import (
	"encoding/binary"
	"math"
)

// front remembers how far ahead nothing is, for whoever walks a store in the order of time again and again: no row that
// such a walk has to show is earlier than first. It is rolled back with the store.
type front struct {
	first     int64
	markFirst int64
	low       int64 // the earliest row that was written, or left where it was, since the present walk began
}

// wrote tells of a row at a time.
func (f *front) wrote(at int64) { f.first, f.low = min(f.first, at), min(f.low, at) }

// begin begins a walk. Walks may be nested: end is to have what begin returns.
func (f *front) begin() (outer int64) {
	outer, f.low = f.low, math.MaxInt64
	return outer
}

// end ends a walk. next is the time of the first row that it did not show, math.MaxInt64 if there is none; whole is
// false if its reader broke it off, or it failed.
func (f *front) end(outer, next int64, whole bool) {
	if whole {
		f.first = min(next, f.low)
	}
	f.low = min(f.low, outer)
}

// sweepFrom is the key at which the rows of a time begin in a store that is ordered by time, in a scratch.
func sweepFrom(scratch, prefix []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(append(scratch[:0], prefix...), uint64(at))
}
