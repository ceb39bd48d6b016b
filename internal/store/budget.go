package store

import (
	"runtime"

	"github.com/cockroachdb/pebble/v2"
)

// Budget is the memory that all databases of a process may use together. Pebble takes its memtables out of the block
// cache, which all databases share, so the size of the cache is the whole. They share their open files as well.
// An idle database holds two goroutines and some 230 KB besides its memtable, and opens and closes in 2 ms
// (BenchmarkOpen).
type Budget struct {
	cache    *pebble.Cache
	files    *pebble.FileCache
	memtable uint64 // bytes
}

const (
	// memtablesPerDatabase are one that fills, and one that is written out meanwhile.
	memtablesPerDatabase = 2
	smallestMemtable     = 256 << 10
	largestMemtable      = 64 << 20
	// openFiles are the tables of all databases together. Each database has two files open besides, its log and its
	// manifest.
	openFiles = 400
)

// NewBudget is a budget of so many bytes for so many databases: half of it for memtables, as small ones cost
// compactions. Close it when all databases are closed, or before: they keep what they need.
func NewBudget(bytes int64, databases int) *Budget {
	share := bytes / 2 / int64(max(1, databases)*memtablesPerDatabase)
	return &Budget{
		cache:    pebble.NewCache(bytes),
		files:    pebble.NewFileCache(runtime.GOMAXPROCS(0), openFiles),
		memtable: uint64(min(largestMemtable, max(smallestMemtable, share))),
	}
}

// Close gives up the hold on the budget. It is freed with the last of its databases.
func (b *Budget) Close() {
	b.files.Unref()
	b.cache.Unref()
}
