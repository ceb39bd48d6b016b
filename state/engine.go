package state

import "github.com/millstream-go/millstream/internal/store"

// Engine keeps the rows of a task's stores, ordered by the bytes of their keys. By default it is Pebble, in a directory
// for each task; another one is opened by streams.Config.OpenEngine. One that is written elsewhere must pass
// statetest.Run.
//
//   - Get appends the value of a key to a slice that the caller owns. Values may be empty, keys not.
//   - Scan shows the rows with lower <= key < upper as they are now, whatever is committed later; a nil upper is no bound.
//   - NewBatch begins a batch of changes.
//   - Close makes everything durable and releases the engine.
//
// There is one writer at a time: one goroutine makes batches and commits them. Reading beside it is safe. Nothing is
// called after Close, and no Iterator outlives it.
//
// Damage that a restore from the changelog can mend is told with ErrCorrupt, a disk that cannot be written with ErrDisk.
type Engine = store.Engine

// Batch is a set of changes to an Engine, applied in their order. Set and Delete refuse empty keys; DeleteRange removes
// the rows with lower <= key < upper. Keys and values are copied.
//
// Nothing shows before Commit, which makes all changes visible at once: a batch holds rows together with the offsets
// that they stand for, so that after a crash all of it is there, or nothing. What was committed survives the death of
// the process. Close discards what was not committed; it may be called at any time, more than once.
type Batch = store.Batch

// Iterator walks rows of an Engine. It stands before the first one to begin with. Key and Value are valid until Next or
// Close, which returns the first error of the walk.
type Iterator = store.Iterator

var (
	// ErrCorrupt is wrapped by the errors of an engine whose rows or files are damaged, when it is opened or later. The
	// task's directory is set aside then, and its stores are restored from their changelogs into a new one.
	ErrCorrupt = store.ErrCorrupt
	// ErrDisk is wrapped by the errors of an engine whose disk refused a write. Nothing that was committed may be lost:
	// see to the disk, then start again.
	ErrDisk = store.ErrDisk
)
