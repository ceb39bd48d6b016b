package store_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// BenchmarkManyDatabases is a process with as many tasks: how long it takes to make their databases, to open them
// again, and to commit 100 rows to each; and what they hold open.
func BenchmarkManyDatabases(b *testing.B) {
	for _, n := range []int{50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			budget := store.NewBudget(512<<20, n)
			defer budget.Close()
			dir, threads := b.TempDir(), runtime.NumGoroutine()
			lock, err := store.Lock(dir) // as an application does
			require.NoError(b, err)
			open := func() (all []store.Engine) {
				for i := range n {
					e, err := store.OpenPebble(fmt.Sprint(dir, "/", i), store.Options{Budget: budget})
					require.NoError(b, err)
					all = append(all, e)
				}
				return all
			}
			shut := func(all []store.Engine) {
				for _, e := range all {
					require.NoError(b, e.Close())
				}
			}
			began := time.Now()
			all := open()
			b.ReportMetric(time.Since(began).Seconds(), "s/first-open")
			var commits time.Duration
			value := make([]byte, 100)
			rounds := 0
			for b.Loop() {
				began := time.Now()
				batches := make([]store.Batch, 0, n)
				for _, e := range all {
					batch := e.NewBatch()
					for row := range 100 {
						key := binary.BigEndian.AppendUint64(nil, uint64(rounds*100+row))
						if err := batch.Set(key, value); err != nil {
							b.Fatal(err)
						}
					}
					batches = append(batches, batch)
				}
				for _, batch := range batches {
					batch.(store.Starter).Start()
				}
				for _, batch := range batches {
					require.NoError(b, batch.Commit())
				}
				commits += time.Since(began)
				rounds++
			}
			files := countFiles(b)
			b.ReportMetric(float64(runtime.NumGoroutine()-threads), "goroutines")
			b.ReportMetric(float64(commits.Milliseconds())/float64(rounds), "ms/commits")
			shut(all)
			began = time.Now()
			all = open()
			b.ReportMetric(time.Since(began).Seconds(), "s/reopen")
			b.ReportMetric(float64(max(files, countFiles(b))), "descriptors")
			shut(all)
			require.NoError(b, lock.Close())
		})
	}
}

// countFiles counts what the process has open.
func countFiles(b *testing.B) int {
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(b, err)
	return len(files)
}
