package storage

import (
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/store"
)

// Store is an open store as its task sees it. It has no types: what a processor reads and writes is the handle that the
// declaration's In gives, a KeyValueStore for example.
//
// Between two commits a store only adds to memory. A commit is Flush, then, once Kafka has committed, Committed; or
// Abort, which drops everything since the last one. Within that, Mark and Undo take back the writes of a single record.
type Store interface {
	Name() string
	// Mark makes the present state the one that Undo returns to.
	Mark()
	// Undo takes back every write since Mark.
	Undo()
	// Dirty is the number of bytes that the next commit has to write, roughly.
	Dirty() int64
	// Flush encodes what was written since the last commit, once for both places: the database batch and the changelog.
	Flush(b store.Batch, log rows.Changelog) error
	// Committed tells that the batch is in the database: what was flushed may leave memory.
	Committed()
	// Abort drops everything since the last commit.
	Abort()
	// Restore enters a changelog record into a database batch. A nil value is a delete.
	Restore(b store.Batch, key, value []byte, timestamp int64) error
	// Rewrite appends to the changelog once more what the store has under the key of a changelog record. Where that is
	// nothing it is a delete, with the record's timestamp in milliseconds.
	Rewrite(log rows.Changelog, key []byte, timestamp int64) error
	// Time is the stream time that the store has seen, which is committed with the offsets; ok is false for stores
	// without one.
	Time() (streamTime int64, ok bool)
	// SetTime gives a store that was just opened the time that was committed.
	SetTime(streamTime int64)
}
