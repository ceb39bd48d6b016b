package storage

import (
	"iter"
	"time"
)

// Joining is what a join of streams asks of its stores: how long records are kept, and which side's records come out
// without a partner; names follow from it.
type Joining struct {
	Keep                  time.Duration
	LeftAlone, RightAlone bool
}

// Joined is what a join has beside the buffers of its two sides.
type Joined[K, L, R any] struct {
	Name      string
	Unmatched Unmatched[K, L, R]
}

// Unmatched is the declaration of a store for the records of two streams that no record of the other has met yet.
type Unmatched[K, L, R any] struct{ declared *Declared }

// UnmatchedOf is one that is opened as d says, with an UnmatchedStore of these types as its handle.
func UnmatchedOf[K, L, R any](d *Declared) Unmatched[K, L, R] { return Unmatched[K, L, R]{d} }

// Spec is the declaration without its types.
func (u Unmatched[K, L, R]) Spec() Sealed { return u.declared.Sealed(KindUnmatched) }

// In is the open store of a task.
func (u Unmatched[K, L, R]) In(stores interface{ Store(name string) Opened }) UnmatchedStore[K, L, R] {
	return HandleOf(stores.Store(u.declared.Name())).(UnmatchedStore[K, L, R])
}

// UnmatchedRow are the records of one side, key and time that none of the other side has met, in the order in which
// they came.
type UnmatchedRow[K, L, R any] struct {
	Key       K
	Timestamp int64 // milliseconds
	IsLeft    bool
	Left      []L
	Right     []R
}

// UnmatchedStore is an open store of unmatched records. It is used by that task's goroutine only. Rows lie in the order
// of side, time and key.
type UnmatchedStore[K, L, R any] interface {
	// PutLeft adds a left record.
	PutLeft(key K, value L, timestamp int64) error
	// PutRight adds a right record.
	PutRight(key K, value R, timestamp int64) error
	// Remove takes out the records of a side, key and time.
	Remove(key K, timestamp int64, left bool) error
	// Waits is false if Due has nothing to show.
	Waits(left, right int64) bool
	// Due walks the left records before one time and the right records before another, together: by time, right before
	// left, then by encoded key. Rows may be removed on the way. A walk ends after an error.
	//
	// The store remembers what it has seen to be the earliest: looking again costs nothing until there is something.
	Due(left, right int64) iter.Seq2[UnmatchedRow[K, L, R], error]
	// DueEach is Due for who looks often, and has made the function that rows are shown to once: it allocates nothing. It
	// ends when that returns false or an error, which it returns.
	DueEach(left, right int64, show func(UnmatchedRow[K, L, R]) (more bool, err error)) error
}
