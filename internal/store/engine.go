package store

import "errors"

// Engine keeps rows ordered by the bytes of their keys. Values may be empty, keys not.
//
// There is one writer at a time: one goroutine makes batches and commits them. Reading beside it is safe. Nothing may
// be called after Close, and no Iterator may outlive it.
type Engine interface {
	// Get appends the value of key to dst; ok is false if there is no such row. The caller owns the result.
	Get(dst, key []byte) (value []byte, ok bool, err error)
	// Scan shows the rows with lower <= key < upper as they are now, whatever is committed later. A nil upper is no
	// bound. The bounds may be reused after the call.
	Scan(lower, upper []byte, reverse bool) (Iterator, error)
	// NewBatch begins a batch of changes.
	NewBatch() Batch
	// Close makes everything durable and releases the engine. It returns the failure of an engine that had one, even if
	// another call has told it already.
	Close() error
}

// Batch is a set of changes, applied in their order. Keys and values are copied. Nothing shows before Commit.
type Batch interface {
	// Set and Delete return an error for an empty key.
	Set(key, value []byte) error
	Delete(key []byte) error
	// DeleteRange removes the rows with lower <= key < upper: none if upper is not above lower.
	DeleteRange(lower, upper []byte) error
	// Len is about how many bytes the changes take; 0 without any.
	Len() int
	// Commit makes all changes visible at once and ends the batch. They survive the death of the process. After an
	// error the batch may be there or not when the engine is opened again, but never a part of it.
	Commit() error
	// Close discards what was not committed. It may be called at any time, more than once; changes after it are errors.
	Close() error
}

// Starter is implemented by batches whose commit has a part that runs beside others.
type Starter interface {
	// Start makes the changes visible and begins to write them. Commit waits until that is done, and tells how it went.
	// Between the two only Close may be called.
	Start()
}

// Iterator walks rows. It stands before the first one to begin with.
type Iterator interface {
	// Next goes to the next row. It is false at the end, and after an error, which Close tells.
	Next() bool
	// Key and Value are valid until Next or Close.
	Key() []byte
	Value() []byte
	// Close returns the first error of the walk.
	Close() error
}

var (
	// ErrCorrupt marks rows or files that are damaged. Close the engine, set the directory aside with SetAside, and
	// restore from the changelog.
	ErrCorrupt = errors.New("store: corrupt")
	// ErrMalformed marks a changelog record that the store cannot have written. It will be read again by each restore:
	// mend the changelog.
	ErrMalformed = errors.New("store: malformed changelog record")
	// ErrDisk marks a write that the disk refused; the cause, as syscall.ENOSPC, is wrapped too. Nothing that was
	// committed before is lost: see to the disk, then close the engine and open it again.
	ErrDisk = errors.New("store: disk")
	// ErrLocked means that another process uses the directory. Give each process a directory of its own, or stop the
	// other one.
	ErrLocked = errors.New("store: state directory is in use by another process")

	// errEmptyKey: Pebble takes such keys, and panics when it writes a table of nothing else.
	errEmptyKey = errors.New("store: empty key")

	errBatchClosed = errors.New("store: batch is closed")
)
