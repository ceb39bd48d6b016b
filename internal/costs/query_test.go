package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var asked = state.NewKeyValue("asked", serde.Int64, serde.Int64)

// BenchmarkQueries counts records without a pause, and commits, while goroutines ask for counts, each with a view of its
// own: gets a second of all goroutines, and what a record takes of the worker's thread in processor time, so that it does
// not matter how many processors there are for both.
func BenchmarkQueries(b *testing.B) {
	for _, readers := range []int{0, 1, 4, 16} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) { benchmarkQueries(b, readers) })
	}
}

func benchmarkQueries(b *testing.B, readers int) {
	j := newJob(b, operation{
		build: func(builder *streams.Builder) { streams.From(builder, in).GroupByKey().Count(asked) },
		feed:  evenly,
	})
	for range warmUp {
		j.commitInterval()
	}
	var gets atomic.Int64
	var stop atomic.Bool
	var wait sync.WaitGroup
	for r := range readers {
		wait.Go(func() {
			for n := int64(r); !stop.Load(); n++ {
				get(b, j.readers, n%keys)
				gets.Add(1)
			}
		})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	before := threadTime(b)
	for range b.N {
		j.commitInterval()
	}
	took := threadTime(b) - before
	b.StopTimer()
	stop.Store(true)
	wait.Wait()
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N*commitEvery), "worker-ns/record")
	b.ReportMetric(float64(gets.Load())/b.Elapsed().Seconds(), "gets/s")
}

// threadTime is the processor time of the calling thread.
func threadTime(tb testing.TB) time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(thread, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func get(tb testing.TB, readers *task.Readers, key int64) {
	reading, err := task.Read(readers.Of(0), storage.Of(asked))
	require.NoError(tb, err)
	defer reading.Close()
	_, ok, err := asked.In(readStores{reading}).Get(key)
	require.NoError(tb, err)
	require.True(tb, ok)
}

// readStores is a reading as the stores that In looks in.
type readStores struct{ reading *task.Reading }

func (s readStores) Store(string) state.Store { return storage.Open(s.reading.Store()) }
