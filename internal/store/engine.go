package store

import "errors"

// Engine keeps rows ordered by the bytes of their keys, which are never empty; values may be. One goroutine at a time
// uses it.
type Engine interface {
	// Get appends the value of key to dst; ok is false if there is no such row. The caller owns the result.
	Get(dst, key []byte) (value []byte, ok bool, err error)
	// Scan shows the rows with lower <= key < upper as they are now, whatever is committed later. A nil upper is no
	// bound.
	Scan(lower, upper []byte, reverse bool) (Iterator, error)
	// NewBatch begins a batch of changes.
	NewBatch() Batch
	// Close makes everything durable and releases the engine.
	Close() error
}

// Batch is a set of changes, applied in their order. Nothing shows before Commit.
type Batch interface {
	Set(key, value []byte) error
	Delete(key []byte) error
	// DeleteRange removes the rows with lower <= key < upper.
	DeleteRange(lower, upper []byte) error
	// Commit makes all changes visible at once. They survive the death of the process; that of the machine may lose the
	// newest batches, each whole.
	Commit() error
	// Close discards what was not committed. It may be called at any time, more than once.
	Close() error
}

// Iterator walks rows. It stands before the first one to begin with.
type Iterator interface {
	Next() bool
	// Key and Value are valid until Next or Close.
	Key() []byte
	Value() []byte
	// Close returns the first error of the walk.
	Close() error
}

// ErrCorrupt marks rows or files that are damaged. Set the directory aside and restore from the changelog.
var ErrCorrupt = errors.New("store: corrupt")

// ErrLocked means that another process uses the state directory. Give each process a directory of its own, or stop the
// other one.
var ErrLocked = errors.New("store: state directory is in use by another process")
