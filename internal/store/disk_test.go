package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// full makes every write fail, from the given one on.
func full(from int64) (errorfs.Injector, *atomic.Int64) {
	var writes atomic.Int64
	return errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1) > from {
			return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}), &writes
}

// fill writes batches until one fails, through flushes of memtables, and returns how many were acknowledged.
func fill(t *testing.T, files vfs.FS, batches int) (acknowledged int, err error) {
	e, err := openOn(t, files, "db")
	if err != nil {
		return 0, err
	}
	for acknowledged < batches && err == nil {
		if err = write(e, acknowledged); err == nil {
			acknowledged++
		}
	}
	if err != nil {
		_, _, got := e.Get(nil, rowKey(0))
		require.ErrorIs(t, got, store.ErrDisk, "all calls tell the failure")
		require.ErrorIs(t, write(e, acknowledged), store.ErrDisk)
	}
	closed := e.Close()
	if err != nil {
		require.ErrorIs(t, closed, store.ErrDisk)
		return acknowledged, err
	}
	return acknowledged, closed
}

// TestFullDisk lets the disk be full from each of its writes on: while a database is made, filled, flushed and closed.
// The error says so, the process lives, and once there is space again all that was acknowledged is there.
func TestFullDisk(t *testing.T) {
	const batches = 2500 // some four memtables
	counter, writes := full(1 << 60)
	_, err := fill(t, errorfs.Wrap(vfs.NewMem(), counter), batches)
	require.NoError(t, err)
	all := writes.Load()
	t.Logf("%d writes", all)
	for from := int64(0); from < all; from = max(from+1, from*21/20) {
		disk := vfs.NewMem()
		injector, _ := full(from)
		acknowledged, err := fill(t, errorfs.Wrap(disk, injector), batches)
		if err == nil { // commits share writes, so their number varies
			continue
		}
		require.ErrorIs(t, err, store.ErrDisk, "from write %d", from)
		require.ErrorIs(t, err, syscall.ENOSPC, "from write %d", from)

		e, err := openOn(t, disk, "db")
		require.NoError(t, err, "from write %d", from)
		n, err := prefix(t, e)
		require.NoError(t, err, "from write %d", from)
		require.GreaterOrEqual(t, n, acknowledged, "from write %d: acknowledged batches are gone", from)
		require.NoError(t, write(e, n), "there is space again")
		require.NoError(t, e.Close())
	}
}

// removeAll removes the directory of an open database, which may make another file between two looks of os.RemoveAll.
func removeAll(t *testing.T, dir string) {
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// TestRemovedDirectory: files are made in a directory that somebody has removed under the process.
func TestRemovedDirectory(t *testing.T) {
	for _, batches := range []int{0, 1, 700, 2500} {
		dir := filepath.Join(t.TempDir(), "db")
		e := open(t, dir)
		for i := range batches {
			require.NoError(t, write(e, i))
		}
		removeAll(t, dir)
		var err error
		for i := 0; i < 20_000 && err == nil; i++ {
			err = write(e, i)
		}
		require.ErrorIs(t, err, store.ErrDisk, "after %d batches", batches)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, e.Close(), store.ErrDisk)

		e = open(t, dir)
		_, found, err := e.Get(nil, rowKey(0))
		require.NoError(t, err)
		require.False(t, found)
		require.NoError(t, e.Close())
	}
}

// TestDamageThatNobodyReads is found all the same, as Pebble looks at each file in the background. That it does so again
// and again must not keep a processor busy: here, the virtual second would never be over.
func TestDamageThatNobodyReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	for range 2 { // what the second one finds in the log it writes to a table
		e := open(t, dir)
		require.NoError(t, write(e, 0))
		require.NoError(t, e.Close())
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		content, err := os.ReadFile(table)
		require.NoError(t, err)
		content[len(content)-1] ^= 1
		require.NoError(t, os.WriteFile(table, content, 0o600))
	}
	synctest.Test(t, func(t *testing.T) {
		e, err := openOn(t, nil, dir)
		if err != nil { // Pebble was as quick as that
			require.ErrorIs(t, err, store.ErrCorrupt)
			return
		}
		time.Sleep(time.Second)
		require.ErrorIs(t, write(e, 1), store.ErrCorrupt)
		require.ErrorIs(t, e.Close(), store.ErrCorrupt)
	})
}

// TestNamesAreDurable: what a closed database has is there after the death of the machine, also the names of its files.
func TestNamesAreDurable(t *testing.T) {
	disk := vfs.NewCrashableMem()
	e, err := openOn(t, disk, "db")
	require.NoError(t, err)
	writeAll(t, e, 0, 2500)
	require.NoError(t, e.Close())
	e, err = openOn(t, disk.CrashClone(vfs.CrashCloneCfg{}), "db")
	require.NoError(t, err)
	n, err := prefix(t, e)
	require.NoError(t, err)
	require.Equal(t, 2500, n)
	require.NoError(t, e.Close())
}

// TestDirectoryThatIsNotSynced, as the process has no descriptors left, say, fails the database from each time on.
func TestDirectoryThatIsNotSynced(t *testing.T) {
	const batches = 2500
	for from := int64(0); ; from++ {
		disk := vfs.NewMem()
		var syncs atomic.Int64
		injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpOpenDir && syncs.Add(1) > from {
				return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.EMFILE}
			}
			return nil
		})
		acknowledged, err := fill(t, errorfs.Wrap(disk, injector), batches)
		if err == nil {
			require.GreaterOrEqual(t, from, int64(5), "directories are hardly ever synced")
			return
		}
		require.ErrorIs(t, err, store.ErrDisk, "from sync %d", from)
		require.ErrorIs(t, err, syscall.EMFILE, "from sync %d", from)
		e, err := openOn(t, disk, "db")
		require.NoError(t, err, "from sync %d", from)
		n, err := prefix(t, e)
		require.NoError(t, err, "from sync %d", from)
		require.GreaterOrEqual(t, n, acknowledged, "from sync %d: acknowledged batches are gone", from)
		require.NoError(t, e.Close())
	}
}

// TestNoDescriptorsLeft, while a database is opened, is not damage: its rows are not set aside for it.
func TestNoDescriptorsLeft(t *testing.T) {
	disk := vfs.NewMem()
	_, err := fill(t, disk, 100)
	require.NoError(t, err)
	for from := int64(0); ; from++ {
		var opens atomic.Int64
		e, err := openOn(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			switch op.Kind {
			case errorfs.OpList, errorfs.OpOpen, errorfs.OpOpenDir:
				if opens.Add(1) == from+1 {
					return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.EMFILE}
				}
			}
			return nil
		})), "db")
		if err == nil {
			err = e.Close()
		}
		if opens.Load() <= from {
			require.NoError(t, err)
			require.GreaterOrEqual(t, from, int64(5), "hardly anything is opened")
			break
		}
		require.NotErrorIs(t, err, store.ErrCorrupt, "open %d", from)
	}
	e, err := openOn(t, disk, "db")
	require.NoError(t, err)
	n, err := prefix(t, e)
	require.NoError(t, err)
	require.Equal(t, 100, n)
	require.NoError(t, e.Close())
}
