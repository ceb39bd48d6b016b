package testkit_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/testkit"
)

// TestOpenEngine: an engine of the user's own holds the rows of a task, through crashes, and leaves no trace in what is
// committed.
func TestOpenEngine(t *testing.T) {
	dir, engines := t.TempDir(), map[string]state.Engine{}
	open := func(dir string) (state.Engine, error) {
		if engines[dir] == nil {
			engines[dir] = store.OpenMemory()
		}
		return engines[dir], nil
	}
	crashes := func(d *testkit.Driver, i int) { crash(d, i, testkit.AfterCommit) }
	four := testkit.Partitions(4)
	requireSameOutput(t, run(t, nil, four), run(t, crashes, four, testkit.OpenEngine(dir, open)), "engine of the test's")
	rows := 0
	for at, e := range engines {
		require.Equal(t, dir, filepath.Dir(at), "each task has a directory of its own")
		it, err := e.Scan([]byte{1}, nil, false)
		require.NoError(t, err)
		for it.Next() {
			rows++
		}
		require.NoError(t, it.Close())
	}
	require.NotZero(t, rows)
}
