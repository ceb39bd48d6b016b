package store_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// interrupted is the directory of a database as a kill leaves it: half of its rows are in a table, half in the log.
func interrupted(t testing.TB, batches int) string {
	dir := filled(t, batches/2)
	e := open(t, dir)
	writeAll(t, e, batches/2, batches)
	left := t.TempDir()
	for _, name := range files(t, dir, "*") {
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // Pebble tidies up meanwhile
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(left, filepath.Base(name)), content, 0o644))
	}
	require.NoError(t, e.Close())
	return left
}

func files(t testing.TB, dir, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found, pattern)
	return found
}

// change rewrites a file.
func change(t testing.TB, name string, f func(content []byte) []byte) {
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, f(content), 0o644))
}

// filled is the directory of a closed database: all its rows are in a table.
func filled(t testing.TB, batches int) string {
	dir := t.TempDir()
	e := open(t, dir)
	writeAll(t, e, 0, batches)
	require.NoError(t, e.Close())
	return dir
}

// use opens a database, reads everything and writes a little.
func use(t testing.TB, dir string) (n int, err error) {
	e, err := openOn(t, nil, dir)
	if err != nil {
		return 0, err
	}
	n, err = prefix(t, e)
	if err == nil {
		err = write(e, n)
	}
	return n, errors.Join(err, e.Close())
}

func TestDamagedTableIsCorrupt(t *testing.T) {
	dir := filled(t, 100)
	for _, name := range files(t, dir, "*.sst") {
		change(t, name, func(content []byte) []byte {
			content[len(content)/4] ^= 1
			return content
		})
	}
	_, err := use(t, dir)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, dir)
}

func TestShortManifestIsCorrupt(t *testing.T) {
	dir := filled(t, 100)
	for _, name := range files(t, dir, "MANIFEST-*") {
		require.NoError(t, os.Truncate(name, 3))
	}
	_, err := use(t, dir)
	require.ErrorIs(t, err, store.ErrCorrupt)
}

// TestTablesGoneWhileOpen takes the tables away from a running database, where Pebble would end the process: in
// whichever goroutine misses them first.
func TestTablesGoneWhileOpen(t *testing.T) {
	dir := filled(t, 100)
	e, err := openOn(t, errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpOpen && filepath.Ext(op.Path) == ".sst" {
			return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.ENOENT}
		}
		return nil
	})), dir)
	if err == nil { // it may be found while the database is opened
		_, err = prefix(t, e)
		require.ErrorIs(t, err, store.ErrCorrupt)
		_, _, err = e.Get(nil, rowKey(0))
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.ErrorIs(t, write(e, 100), store.ErrCorrupt)
		err = e.Close()
	}
	require.ErrorIs(t, err, store.ErrCorrupt)

	_, err = store.SetAside(dir)
	require.NoError(t, err)
	n, err := use(t, dir)
	require.NoError(t, err, "a new database can take its place")
	require.Zero(t, n)
}

// TestDamageAnywhere damages one file of a database at a time: a bit, a cut, the loss of it. What is read afterwards is
// a whole prefix of the batches, or ErrCorrupt.
func TestDamageAnywhere(t *testing.T) {
	const batches = 50
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	damages := map[string]func(name string){
		"bit": func(name string) {
			change(t, name, func(content []byte) []byte {
				if len(content) > 0 {
					content[r.IntN(len(content))] ^= 1 << r.IntN(8)
				}
				return content
			})
		},
		"cut": func(name string) {
			change(t, name, func(content []byte) []byte {
				if strings.HasPrefix(filepath.Base(name), "MANIFEST") { // within the last entry: see checkManifest
					return content[:len(content)-1-r.IntN(10)]
				}
				return content[:r.IntN(len(content)+1)]
			})
		},
		"loss": func(name string) { require.NoError(t, os.Remove(name)) },
	}
	seen := map[string]int{}
	whole := interrupted(t, batches)
	untouched := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.CopyFS(untouched, os.DirFS(whole)))
	n, err := use(t, untouched)
	require.NoError(t, err)
	require.Equal(t, batches, n)
	for _, path := range files(t, whole, "*") {
		for kind, damage := range damages {
			for range 5 {
				dir := filepath.Join(t.TempDir(), "db")
				require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
				damage(filepath.Join(dir, filepath.Base(path)))
				n, err := use(t, dir)
				if err != nil {
					require.ErrorIs(t, err, store.ErrCorrupt, "%s of %s", kind, path)
					seen["corrupt"]++
					continue
				}
				require.LessOrEqual(t, n, batches)
				if n < batches {
					seen["a shorter prefix"]++
					t.Logf("%s of %s: %d batches of %d", kind, filepath.Base(path), n, batches)
				} else {
					seen["nothing lost"]++
				}
			}
		}
	}
	t.Log(seen)
}
