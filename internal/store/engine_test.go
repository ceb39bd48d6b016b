package store_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(testing.TB) store.Engine { return store.OpenMemory() })
}

func TestPebble(t *testing.T) {
	budget := store.NewBudget(8<<20, 1)
	storetest.Run(t, func(t testing.TB) store.Engine {
		e, err := store.OpenPebble("db", store.Options{Budget: budget, FS: vfs.NewMem()})
		require.NoError(t, err)
		return e
	})
}

func open(t testing.TB, dir string) store.Engine {
	e, err := store.OpenPebble(dir, store.Options{Budget: store.NewBudget(8<<20, 1)})
	require.NoError(t, err)
	return e
}

func write(t testing.TB, e store.Engine, from, to int) {
	for i := from; i < to; i++ {
		b := e.NewBatch()
		for k := range 3 { // a batch is whole if all three rows tell the same
			require.NoError(t, b.Set([]byte{byte(k)}, binary.BigEndian.AppendUint64(nil, uint64(i))))
		}
		require.NoError(t, b.Set(binary.BigEndian.AppendUint64([]byte("row"), uint64(i)), make([]byte, 100)))
		require.NoError(t, b.Commit())
	}
}

func last(t testing.TB, e store.Engine) int {
	var seen [3]uint64
	for k := range 3 {
		v, ok, err := e.Get(nil, []byte{byte(k)})
		require.NoError(t, err)
		require.True(t, ok)
		seen[k] = binary.BigEndian.Uint64(v)
	}
	require.Equal(t, seen[0], seen[1], "half a batch")
	require.Equal(t, seen[0], seen[2], "half a batch")
	return int(seen[0])
}

func TestReopenKeepsWhatWasCommitted(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	write(t, e, 0, 10)
	require.NoError(t, e.Close())
	e = open(t, dir)
	require.Equal(t, 9, last(t, e))
	require.NoError(t, e.Close())
}

// TestKilledWriter kills a process with -9 while it commits, and finds its batches whole and in order.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_WRITER"); dir != "" {
		e := open(t, dir)
		for i := 0; ; i++ {
			write(t, e, i, i+1)
			fmt.Println(i)
		}
	}
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acknowledged := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Sscan(lines.Text(), &acknowledged)
			if acknowledged == 2000 {
				require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
			}
		}
		cmd.Wait()
		e := open(t, dir)
		found := last(t, e)
		t.Logf("%d acknowledged, %d found", acknowledged, found)
		require.GreaterOrEqual(t, found, acknowledged, "an acknowledged batch is gone")
		for i := range found + 1 {
			_, ok, err := e.Get(nil, binary.BigEndian.AppendUint64([]byte("row"), uint64(i)))
			require.NoError(t, err)
			require.True(t, ok, "batch %d of %d is missing", i, found)
		}
		require.NoError(t, e.Close())
	}
}

func files(t *testing.T, dir, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found, pattern)
	return found
}

func TestDamagedTableIsCorrupt(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	write(t, e, 0, 100)
	require.NoError(t, e.Close())
	for _, name := range files(t, dir, "*.sst") {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		for i := range min(len(content), 200) {
			content[i] ^= 0xff
		}
		require.NoError(t, os.WriteFile(name, content, 0o644))
	}
	err := readAll(dir)
	require.ErrorIs(t, err, store.ErrCorrupt)
}

// readAll opens a database and reads everything in it.
func readAll(dir string) error {
	e, err := store.OpenPebble(dir, store.Options{Budget: store.NewBudget(8<<20, 1)})
	if err != nil {
		return err
	}
	it, err := e.Scan(nil, nil, false)
	if err != nil {
		return errors.Join(err, e.Close())
	}
	for it.Next() {
	}
	return errors.Join(it.Close(), e.Close())
}

func TestMissingManifestIsCorrupt(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	write(t, e, 0, 10)
	require.NoError(t, e.Close())
	for _, name := range files(t, dir, "MANIFEST-*") {
		require.NoError(t, os.Truncate(name, 3))
	}
	require.ErrorIs(t, readAll(dir), store.ErrCorrupt)
}

func TestSetAsideKeepsTheNewest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "0_1")
	for range 5 {
		require.NoError(t, os.Mkdir(dir, 0o755))
		to, err := store.SetAside(dir)
		require.NoError(t, err)
		require.DirExists(t, to)
		require.NoDirExists(t, dir)
	}
	require.Len(t, files(t, filepath.Dir(dir), "0_1.damaged-*"), 3)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := store.Lock(dir)
	require.NoError(t, err)
	_, err = store.Lock(dir)
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, lock.Close())
	lock, err = store.Lock(dir)
	require.NoError(t, err)
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
}
