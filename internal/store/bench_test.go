package store_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

const (
	batchRows = 10_000
	benchKeys = 1_000_000
)

// BenchmarkCommit writes batches of 10,000 rows of 116 bytes over a million keys: by way of an engine, and with
// Pebble's own choices of a write-ahead log.
func BenchmarkCommit(b *testing.B) {
	b.Run("engine", func(b *testing.B) {
		budget := store.NewBudget(512<<20, 1)
		defer budget.Close()
		e, err := store.OpenPebble(b.TempDir(), store.Options{Budget: budget})
		require.NoError(b, err)
		commits(b, func(fill func(set func(key, value []byte) error)) error {
			batch := e.NewBatch()
			fill(batch.Set)
			return batch.Commit()
		})
		require.NoError(b, e.Close())
	})
	for _, c := range []struct {
		name string
		wal  bool
		sync *pebble.WriteOptions
	}{{"no log", false, pebble.NoSync}, {"log in a buffer", true, pebble.NoSync}, {"log on the disk", true, pebble.Sync}} {
		b.Run(c.name, func(b *testing.B) {
			cache := pebble.NewCache(512 << 20)
			defer cache.Unref()
			db, err := pebble.Open(b.TempDir(), &pebble.Options{
				DisableWAL: !c.wal, Cache: cache, MemTableSize: 64 << 20, FormatMajorVersion: pebble.FormatNewest,
			})
			require.NoError(b, err)
			commits(b, func(fill func(set func(key, value []byte) error)) error {
				batch := db.NewBatch()
				fill(func(key, value []byte) error { return batch.Set(key, value, nil) })
				return batch.Commit(c.sync)
			})
			require.NoError(b, db.Close())
		})
	}
}

func commits(b *testing.B, commit func(fill func(set func(key, value []byte) error)) error) {
	r := rand.New(rand.NewPCG(42, 0))
	key, value := make([]byte, 16), make([]byte, 100)
	for b.Loop() {
		require.NoError(b, commit(func(set func(key, value []byte) error) {
			for range batchRows {
				binary.BigEndian.PutUint64(key, r.Uint64N(benchKeys))
				binary.BigEndian.PutUint64(value, r.Uint64())
				if err := set(key, value); err != nil {
					b.Fatal(err)
				}
			}
		}))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchRows, "ns/row")
}

// BenchmarkSmallCommit is what a commit costs besides its rows.
func BenchmarkSmallCommit(b *testing.B) {
	e := open(b, b.TempDir())
	for i := 0; b.Loop(); i++ {
		require.NoError(b, write(e, i))
	}
	require.NoError(b, e.Close())
}

// BenchmarkOpen opens a database with rows in it, closes it, and tells what an idle one holds.
func BenchmarkOpen(b *testing.B) {
	budget := store.NewBudget(64<<20, 100)
	defer budget.Close()
	dir := b.TempDir()
	opened := func(i int) store.Engine {
		e, err := store.OpenPebble(fmt.Sprint(dir, "/", i), store.Options{Budget: budget})
		require.NoError(b, err)
		return e
	}
	e := opened(0)
	writeAll(b, e, 0, 1000)
	require.NoError(b, e.Close())
	for b.Loop() {
		require.NoError(b, opened(0).Close())
	}

	const idle = 50
	var before, after runtime.MemStats
	goroutines := runtime.NumGoroutine()
	runtime.GC()
	runtime.ReadMemStats(&before)
	var engines []store.Engine
	for i := range idle {
		engines = append(engines, opened(1+i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/idle, "heap-bytes/db")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/idle, "goroutines/db")
	for _, e := range engines {
		require.NoError(b, e.Close())
	}
}
