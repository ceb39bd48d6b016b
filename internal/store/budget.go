package store

import "github.com/cockroachdb/pebble/v2"

// Budget is the memory that all databases of a process may use together. Pebble takes its memtables out of the block
// cache, which all databases share, so the size of the cache is the whole.
type Budget struct {
	cache    *pebble.Cache
	memtable uint64
}

// memtablesPerDatabase are one that fills, and one that is written out meanwhile.
const memtablesPerDatabase = 2

// NewBudget is a budget of so many bytes for so many databases: half of it for memtables, as small ones cost
// compactions.
func NewBudget(bytes int64, databases int) *Budget {
	share := bytes / 2 / int64(max(1, databases)*memtablesPerDatabase)
	return &Budget{cache: pebble.NewCache(bytes), memtable: uint64(min(64<<20, max(256<<10, share)))}
}

// Close releases the block cache, once all databases are closed.
func (b *Budget) Close() { b.cache.Unref() }
