package store

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestSyncedNames makes files and syncs their directory: a machine that dies then may lose the name of the newest log,
// if nothing was made but that, and no other.
func TestSyncedNames(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	files := vfs.NewCrashableMem()
	require.NoError(t, files.MkdirAll("db", 0o700))
	d := &disk{FS: files, health: &health{dir: "db", logger: slog.New(slog.DiscardHandler)}}
	above, err := d.OpenDir("")
	require.NoError(t, err)
	require.NoError(t, above.Sync())
	dir, err := d.OpenDir("db")
	require.NoError(t, err)
	var made []string
	waited := 0
	for i := range 1000 {
		name := fmt.Sprintf("%06d.log", i)
		if rng.IntN(3) == 0 {
			name = fmt.Sprintf("%06d.sst", i)
		}
		f, err := d.Create("db/"+name, vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		made = append(made, name)
		if rng.IntN(4) == 0 {
			continue
		}
		require.NoError(t, dir.Sync())
		left, err := files.CrashClone(vfs.CrashCloneCfg{}).List("db")
		require.NoError(t, err)
		slices.Sort(left)
		if len(left) < len(made) && isLog(name) {
			left = append(left, name)
			waited++
		}
		require.Equal(t, made, left)
	}
	require.NotZero(t, waited, "each log costs a sync")
}
