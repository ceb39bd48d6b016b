package worker

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// newEngines makes a directory for each database, and keeps the rows in memory.
func newEngines() *Engines {
	return NewEngines(func(dir string) (store.Engine, error) { return store.OpenMemory(), os.MkdirAll(dir, 0o700) })
}

// TestDatabasesOfAnotherWorker are neither closed nor given back by who had them before.
func TestDatabasesOfAnotherWorker(t *testing.T) {
	e, dir := newEngines(), filepath.Join(t.TempDir(), "0_0")
	_, err := e.acquire(dir, 0)
	require.NoError(t, err)
	e.release(dir, 0)
	databases, err := e.acquire(dir, 1)
	require.NoError(t, err)

	var held *HeldError
	require.ErrorAs(t, e.discard(dir, 0), &held)
	require.Equal(t, 1, held.Worker)
	e.release(dir, 0)
	_, err = e.acquire(dir, 0)
	require.ErrorAs(t, err, &held, "worker 1 has not given it back")

	e.release(dir, 1)
	again, err := e.acquire(dir, 1)
	require.NoError(t, err)
	require.Same(t, databases, again, "it was never closed")
	require.NoError(t, e.discard(dir, 1))
	again, err = e.acquire(dir, 0)
	require.NoError(t, err)
	require.NotSame(t, databases, again)
}

// TestDamageIsWithWhoHasTheDatabase: a session that met damage, and whose task another worker of the process has by
// now, leaves the directory where it is.
func TestDamageIsWithWhoHasTheDatabase(t *testing.T) {
	e, state := newEngines(), t.TempDir()
	old := &Worker{config: Config{Process: &Process{Engines: e}, StateDir: state, Index: 0, Logger: slog.New(slog.DiscardHandler)}}
	dir := old.taskDir(graph.TaskID{})
	_, err := e.acquire(dir, 1)
	require.NoError(t, err)
	require.NoError(t, old.discard(graph.TaskID{}, store.ErrCorrupt))
	require.DirExists(t, dir)

	e.release(dir, 1)
	require.NoError(t, old.discard(graph.TaskID{}, store.ErrCorrupt))
	require.NoDirExists(t, dir, "nobody has it: it is set aside")
}

// TestStoresThatCannotBeCopied stay where they are, and what was made of the copy is gone.
func TestStoresThatCannotBeCopied(t *testing.T) {
	full := errors.New("no space left on device")
	e := NewEngines(func(dir string) (store.Engine, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil || filepath.Ext(dir) == freshSuffix {
			return nil, errors.Join(full, err)
		}
		return store.OpenMemory(), nil
	})
	w := &Worker{config: Config{Process: &Process{Engines: e}, StateDir: t.TempDir()}}
	dir := w.taskDir(graph.TaskID{})
	_, err := e.acquire(dir, 0)
	require.NoError(t, err)
	unlogged := state.NewKeyValue("rows", serde.String, serde.Int64).NoChangelog()
	err = w.copyStores([]storage.Spec{storage.Of(unlogged)}, dir, dir+freshSuffix)
	require.ErrorIs(t, err, full)
	require.DirExists(t, dir)
	_, err = os.Stat(dir + freshSuffix)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestIdleDatabasesThatAreDue stay open, with what they keep: their task is about to take them.
func TestIdleDatabasesThatAreDue(t *testing.T) {
	e, state := newEngines(), t.TempDir()
	due, gone := filepath.Join(state, "0_0"), filepath.Join(state, "0_1")
	had := map[string]*task.Engines{}
	for _, dir := range []string{due, gone} {
		var err error
		had[dir], err = e.acquire(dir, 0)
		require.NoError(t, err)
		e.release(dir, 0)
	}
	e.closeIdle(0, 0, map[string]bool{due: true}, func(dir string, err error) { require.NoError(t, err, dir) })
	e.closing.Wait()
	for dir, databases := range had {
		again, err := e.acquire(dir, 0)
		require.NoError(t, err)
		require.Equal(t, dir == due, databases == again)
	}
}
