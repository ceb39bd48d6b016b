package store_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Engine { return store.OpenMemory() })
}

func TestPebble(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Engine {
		e, err := openOn(t, vfs.NewMem(), "db")
		require.NoError(t, err)
		return e
	})
	storetest.RunReopened(t, func(t *testing.T, dir string) store.Engine { return open(t, dir) })
}

// openOn opens a database on a file system, with the least memory.
func openOn(t testing.TB, fs vfs.FS, dir string) (store.Engine, error) {
	budget := store.NewBudget(8<<20, 16)
	t.Cleanup(budget.Close)
	return store.OpenPebble(dir, store.Options{Budget: budget, FS: fs, Logger: slog.New(slog.DiscardHandler)})
}

func open(t testing.TB, dir string) store.Engine {
	e, err := openOn(t, nil, dir)
	require.NoError(t, err)
	return e
}

const rowBytes = 100

// write commits one batch: three rows that all tell its number, and a row of its own.
func write(e store.Engine, number int) error {
	b := e.NewBatch()
	for k := range 3 {
		if err := b.Set([]byte{byte(k)}, binary.BigEndian.AppendUint64(nil, uint64(number))); err != nil {
			return err
		}
	}
	if err := b.Set(rowKey(number), make([]byte, rowBytes)); err != nil {
		return err
	}
	if s, ok := b.(store.Starter); ok && number%2 == 0 { // which changes nothing of what a commit is
		s.Start()
	}
	return errors.Join(b.Commit(), b.Close())
}

func rowKey(number int) []byte {
	return binary.BigEndian.AppendUint64([]byte("row"), uint64(number))
}

func writeAll(t testing.TB, e store.Engine, from, to int) {
	for i := from; i < to; i++ {
		require.NoError(t, write(e, i))
	}
}

// prefix reads everything and requires the rows of the batches 0 to n-1, whole, and no others. It returns n.
func prefix(t testing.TB, e store.Engine) (n int, err error) {
	it, err := e.Scan(nil, nil, false)
	if err != nil {
		return 0, err
	}
	var numbers []uint64
	rows := 0
	for it.Next() {
		if len(it.Key()) == 1 {
			numbers = append(numbers, binary.BigEndian.Uint64(it.Value()))
			continue
		}
		require.Equal(t, rowKey(rows), it.Key(), "the row of a batch is missing")
		require.Len(t, it.Value(), rowBytes)
		rows++
	}
	if err := it.Close(); err != nil {
		return 0, err
	}
	if rows == 0 {
		require.Empty(t, numbers, "half a batch")
		return 0, nil
	}
	last := uint64(rows - 1)
	require.Equal(t, []uint64{last, last, last}, numbers, "half a batch")
	return rows, nil
}

// TestStartedCommits of several databases: their rows show, and each commit tells its own failure.
func TestStartedCommits(t *testing.T) {
	broken := errors.New("broken")
	var fails atomic.Bool
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fails.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return broken
		}
		return nil
	}))
	whole := open(t, t.TempDir())
	failing, err := openOn(t, disk, "db")
	require.NoError(t, err)
	fails.Store(true)
	var batches []store.Batch
	for _, e := range []store.Engine{failing, whole} {
		b := e.NewBatch()
		require.NoError(t, b.Set([]byte("k"), []byte("v")))
		b.(store.Starter).Start()
		batches = append(batches, b)
	}
	v, ok, err := whole.Get(nil, []byte("k"))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v", string(v))
	require.ErrorIs(t, batches[0].Commit(), store.ErrDisk)
	require.NoError(t, batches[1].Commit())
	for _, b := range batches {
		require.NoError(t, b.Close())
		require.Error(t, b.Commit(), "it is over")
	}
	require.ErrorIs(t, failing.Close(), store.ErrDisk)

	b := whole.NewBatch()
	require.NoError(t, b.Set([]byte("k"), []byte("w")))
	b.(store.Starter).Start()
	require.NoError(t, b.Close(), "nobody waits for it")
	require.NoError(t, whole.Close())
}
