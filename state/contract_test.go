package state_test

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/state/statetest"
)

// TestMemory runs the stores on engines in memory. Those that were closed are found again by their directory.
func TestMemory(t *testing.T) {
	engines := map[string]state.Engine{}
	statetest.Run(t, func(dir string) (state.Engine, error) {
		if engines[dir] == nil {
			engines[dir] = store.OpenMemory()
		}
		return engines[dir], nil
	})
}

// TestPebble runs them on Pebble, on a file system in memory.
func TestPebble(t *testing.T) {
	budget := store.NewBudget(8<<20, 16)
	t.Cleanup(budget.Close)
	fs := vfs.NewMem()
	statetest.Run(t, func(dir string) (state.Engine, error) {
		return store.OpenPebble(dir, store.Options{Budget: budget, FS: fs, Logger: slog.New(slog.DiscardHandler)})
	})
}
