package rescale_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestStateMovesToAnotherCluster: an application that begins there with the exported state gives the answers that the
// one which stayed gives; and a test that begins with it goes on, too.
func TestStateMovesToAnotherCluster(t *testing.T) {
	const seed = 11
	t.Log("seed", seed)
	f := newFeed(seed)
	here, there := broker.New(t), broker.New(t)
	s := newShop("moves")
	topo, err := s.build("moves-app")
	require.NoError(t, err)
	s.create(t, here, 4)
	s.create(t, there, 4)
	s.produce(t, here, f.batch(300))
	dir := t.TempDir()
	run(t, here, topo, dir)
	before := s.answers(t, here)

	files := filepath.Join(t.TempDir(), "files")
	head, err := rescale.Export(t.Context(), request(here, topo, 0), files)
	require.NoError(t, err)
	require.Len(t, head.Topics, 18)
	second, end := f.batch(300), f.last()
	s.produce(t, here, second)
	run(t, here, topo, dir)
	s.produce(t, here, end)
	run(t, here, topo, dir)

	_, err = rescale.Import(t.Context(), request(there, topo, 0), files, rescale.AtSame, false)
	var no *rescale.DeclinedError
	require.ErrorAs(t, err, &no, "the inputs are others")
	_, err = rescale.Import(t.Context(), request(there, topo, 0), files, rescale.AtEnd, false)
	require.NoError(t, err)
	s.produce(t, there, second)
	run(t, there, topo, t.TempDir())
	s.produce(t, there, end)
	run(t, there, topo, t.TempDir())

	stayed, moved := s.answers(t, here), s.answers(t, there)
	for _, topic := range s.exact() {
		name := topic.Name()[len("moves-"):]
		for _, r := range before[name] {
			i, found := slices.BinarySearch(stayed[name], r)
			require.True(t, found, r)
			stayed[name] = slices.Delete(stayed[name], i, i+1)
		}
		require.Equal(t, stayed[name], moved[name], name)
		require.NotEmpty(t, moved[name], name)
	}

	d := testkit.New(t, topo, testkit.FromState(files))
	counts := state.NewKeyValue("counts", serde.String, serde.Int64)
	had, ok := testkit.Get(d, counts, "user 1")
	require.True(t, ok)
	testkit.Input(d, s.events).Pipe("user 1", "x1", f.at)
	has, _ := testkit.Get(d, counts, "user 1")
	require.Equal(t, had+1, has)
	finals := testkit.Output(d, s.finals).Read()
	testkit.Input(d, s.events).Pipe("user 1", "x1", f.at.Add(2*time.Hour))
	require.NotEmpty(t, finals)
	for _, r := range finals {
		require.GreaterOrEqual(t, r.Timestamp, began.UnixMilli(), "of windows that were open")
	}
}

// TestDamagedFiles: a snapshot whose rows are not those that were exported is not imported.
func TestDamagedFiles(t *testing.T) {
	here, there := broker.New(t), broker.New(t)
	s := newShop("damaged")
	topo, err := s.build("damaged-app")
	require.NoError(t, err)
	s.create(t, here, 2)
	s.create(t, there, 2)
	s.produce(t, here, newFeed(1).batch(20))
	run(t, here, topo, t.TempDir())
	files := filepath.Join(t.TempDir(), "files")
	_, err = rescale.Export(t.Context(), request(here, topo, 0), files)
	require.NoError(t, err)
	path := filepath.Join(files, "damaged-app-counts-changelog.rows")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text[:len(text)-10], 0o600))
	_, err = rescale.Import(t.Context(), request(there, topo, 0), files, rescale.AtStart, false)
	require.ErrorContains(t, err, "damaged-app-counts-changelog.rows, row ")
	require.NoError(t, os.WriteFile(path, text[:slices.Index(text, '\n')+1], 0o600))
	_, err = rescale.Import(t.Context(), request(there, topo, 0), files, rescale.AtStart, true)
	require.ErrorContains(t, err, "the files are damaged")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, err = rescale.Import(context.Background(), request(there, topo, 0), files, rescale.AtStart, true)
	require.NoError(t, err)
}
