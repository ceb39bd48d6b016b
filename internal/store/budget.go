package store

import "github.com/cockroachdb/pebble/v2"

// Budget is the memory that all databases of a process may use together: one block cache for all of them, and the memtables.
type Budget struct {
	cache    *pebble.Cache
	memtable uint64
}

// memtables beyond the one being filled that a database may hold while it flushes.
const memtablesPerDatabase = 2

// NewBudget divides so many bytes among the block cache, which all databases share, and the memtables of so many databases.
func NewBudget(bytes int64, databases int) *Budget {
	share := bytes / 2 / int64(max(1, databases)*memtablesPerDatabase)
	return &Budget{cache: pebble.NewCache(bytes / 2), memtable: uint64(min(64<<20, max(1<<20, share)))}
}

// Close releases the block cache, once all databases are closed.
func (b *Budget) Close() { b.cache.Unref() }
