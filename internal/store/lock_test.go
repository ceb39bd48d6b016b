package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// TestDatabaseOfALockedDirectory has no lock file of its own, and is as safe from others as one that has.
func TestDatabaseOfALockedDirectory(t *testing.T) {
	root := t.TempDir()
	lock, err := store.Lock(root)
	require.NoError(t, err)
	dir := filepath.Join(root, "0_0")
	e := open(t, dir)
	require.NoFileExists(t, filepath.Join(dir, "LOCK"))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	for _, name := range []string{dir, link} {
		_, err = openOn(t, nil, name)
		require.ErrorIs(t, err, store.ErrLocked)
		require.ErrorIs(t, store.Discard(name), store.ErrLocked)
	}

	require.NoError(t, lock.Close())
	_, err = store.Lock(root)
	require.ErrorIs(t, err, store.ErrLocked, "its database is open")
	require.NoError(t, write(e, 0))
	require.NoError(t, e.Close())
	lock, err = store.Lock(root)
	require.NoError(t, err)
	require.NoError(t, store.Discard(dir))
	require.NoDirExists(t, dir)
	require.NoError(t, lock.Close())
}

// TestDirectoryThatIsLockedLater: a database keeps the lock that it was opened with.
func TestDirectoryThatIsLockedLater(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "0_0")
	e := open(t, dir)
	lock, err := store.Lock(root)
	require.NoError(t, err)
	_, err = openOn(t, nil, dir)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, e.Close())
	require.NoError(t, open(t, dir).Close())
	require.NoError(t, lock.Close())
}

// TestOpenFilesOfADatabase: a process with a thousand tasks has a thousand times as many.
func TestOpenFilesOfADatabase(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no list of open files")
	}
	root := t.TempDir()
	lock, err := store.Lock(root)
	require.NoError(t, err)
	e := open(t, filepath.Join(root, "0_0"))
	require.NoError(t, write(e, 0))
	var kinds []string
	for _, name := range openFiles(t, root) {
		kind, _, _ := strings.Cut(filepath.Base(name), "-")
		if filepath.Ext(name) == ".log" {
			kind = "log"
		}
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	require.Equal(t, []string{"MANIFEST", "lock", "log"}, kinds)
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	require.Contains(t, string(stacks), "pebble/v2.", "goroutines of the database")
	require.NotContains(t, string(stacks), "periodicGranter", "looks ten times a second")
	require.NoError(t, e.Close())
	require.NoError(t, lock.Close())
	require.Empty(t, openFiles(t, root))
}

// openFiles are those below a directory.
func openFiles(t *testing.T, root string) (names []string) {
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, f := range all {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", f.Name()))
		if err == nil && strings.HasPrefix(name, root) { // the one that lists them is gone
			names = append(names, name)
		}
	}
	return names
}
