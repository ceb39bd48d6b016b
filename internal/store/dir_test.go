package store_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

func TestSetAsideKeepsTheNewest(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "0_1")
	require.NoError(t, os.Mkdir(filepath.Join(parent, "0_10.damaged-0"), 0o755))
	var names []string
	for range 5 {
		require.NoError(t, os.Mkdir(dir, 0o755))
		to, err := store.SetAside(dir)
		require.NoError(t, err)
		require.NoDirExists(t, dir)
		names = append(names, to)
	}
	require.Equal(t, names[2:], files(t, parent, "0_1.damaged-*"))
	require.DirExists(t, filepath.Join(parent, "0_10.damaged-0"), "of another database")
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "lock")
	lock, err := store.Lock(dir)
	require.NoError(t, err)
	_, err = store.Lock(dir + "/../lock")
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, lock.Close())
	require.NoError(t, lock.Close(), "may be closed more than once")
	lock, err = store.Lock(dir)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}

func TestDatabaseInUse(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	_, err := openOn(t, nil, dir)
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, e.Close())
}

// TestLockOfAnotherProcess holds a lock in another process until that is killed.
func TestLockOfAnotherProcess(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_LOCK"); dir != "" {
		_, err := store.Lock(dir)
		require.NoError(t, err)
		fmt.Println("locked")
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockOfAnotherProcess$")
	cmd.Env = append(os.Environ(), "STORE_TEST_LOCK="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)
	_, err = store.Lock(dir)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
	require.Error(t, cmd.Wait())
	lock, err := store.Lock(dir)
	require.NoError(t, err, "a killed process leaves no lock")
	require.NoError(t, lock.Close())
}

func TestProcessIDStays(t *testing.T) {
	dir := t.TempDir()
	id, err := store.ProcessID(dir)
	require.NoError(t, err)
	require.Len(t, id, 32)
	again, err := store.ProcessID(dir)
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "process-id"), []byte(strings.Repeat("x", 32)), 0o644))
	other, err := store.ProcessID(dir)
	require.NoError(t, err)
	require.NotEqual(t, id, other, "a damaged identity is replaced")
	require.Equal(t, []string{filepath.Join(dir, "process-id")}, files(t, dir, "*"), "no temporary files stay")
}
