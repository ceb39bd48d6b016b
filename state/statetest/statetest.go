package statetest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store/storetest"
	"github.com/millstream-go/millstream/state"
)

// Run checks the engines that open makes. It is called with directories that do not exist yet, and with those of engines
// that are closed, whose rows it must find again.
//
// Much of it compares with a slow twin what random operations leave. A failure prints the seed that repeats it; the flag
// -rapid.checks says how many rounds to try.
func Run(t *testing.T, open func(dir string) (state.Engine, error)) {
	opened := func(t *testing.T, dir string) state.Engine {
		e, err := open(dir)
		require.NoError(t, err)
		return e
	}
	storetest.Run(t, func(t *testing.T) state.Engine { return opened(t, filepath.Join(t.TempDir(), "rows")) })
	storetest.RunReopened(t, func(t *testing.T, dir string) state.Engine { return opened(t, filepath.Join(dir, "rows")) })
	t.Run("KeyValue", func(t *testing.T) { runKeyValue(t, open) })
	t.Run("Window", func(t *testing.T) { runWindow(t, open) })
	t.Run("Session", func(t *testing.T) { runSession(t, open) })
	t.Run("Buffer", func(t *testing.T) { runBuffer(t, open) })
	t.Run("Unmatched", func(t *testing.T) { runUnmatched(t, open) })
	t.Run("Versioned", func(t *testing.T) { runVersioned(t, open) })
}
