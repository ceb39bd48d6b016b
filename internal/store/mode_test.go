package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// TestOthersDoNotSeeTheState, in a directory that is new or was made with wider rights.
func TestOthersDoNotSeeTheState(t *testing.T) {
	root := t.TempDir()
	wide := filepath.Join(root, "wide")
	require.NoError(t, os.Mkdir(wide, 0o755))
	for _, dir := range []string{wide, filepath.Join(root, "new", "app")} {
		lock, err := store.Lock(dir)
		require.NoError(t, err)
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		require.NoError(t, lock.Close())
	}
	info, err := os.Stat(filepath.Join(root, "new"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}
