package testkit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

// failures is a test that notes how it fails.
type failures struct {
	testing.TB
	messages []string
}

func (f *failures) Helper()                           {}
func (f *failures) Error(args ...any)                 { f.messages = append(f.messages, fmt.Sprint(args...)) }
func (f *failures) Errorf(format string, args ...any) { f.Error(fmt.Sprintf(format, args...)) }

// assertTopology is what AssertTopology fails with.
func assertTopology(t *testing.T, topo *topology.Topology, path string) []string {
	f := &failures{TB: t}
	testkit.AssertTopology(f, topo, path)
	return f.messages
}

// writeLock leaves the lock file of a topology in directories that are not there yet.
func writeLock(t *testing.T, topo *topology.Topology) string {
	path := filepath.Join(t.TempDir(), "locks", "app", "topology.lock")
	t.Setenv("MILLSTREAM_UPDATE", "1")
	require.Empty(t, assertTopology(t, topo, path))
	t.Setenv("MILLSTREAM_UPDATE", "")
	return path
}

func TestAssertTopologyPassesWhatItWrote(t *testing.T) {
	topo := build(t, countAll)
	path := writeLock(t, topo)
	require.Empty(t, assertTopology(t, topo, path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := topo.Lock().JSON()
	require.NoError(t, err)
	require.Equal(t, string(want), string(text))
}

// TestAssertTopologyShowsAllThatBreaks in one message, and writes nothing.
func TestAssertTopologyShowsAllThatBreaks(t *testing.T) {
	path := writeLock(t, build(t, countAll))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	got := assertTopology(t, build(t, func(b *streams.Builder) {
		values := state.NewKeyValue("values", serde.String, serde.Int64)
		streams.GroupBy(streams.From(b, in), self, byValue.Partitions(2)).Count(values)
	}), path)
	require.Len(t, got, 1)
	for _, want := range []string{
		"breaks state that the one in " + path + " has left:",
		`- store "counts" is gone, and looks renamed to "values"`,
		`- store "per-ten" is gone`,
		`- repartition topic "app-by-value-repartition" has 2 partitions`,
		"without harm:\n  - store \"values\" is new",
		"MILLSTREAM_UPDATE=1",
	} {
		require.Contains(t, got[0], want)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestAssertTopologyHints(t *testing.T) {
	topo := build(t, countAll)
	path := writeLock(t, topo)

	got := assertTopology(t, build(t, func(b *streams.Builder) {
		countAll(b)
		streams.From(b, in).GroupByKey().Count(state.NewKeyValue("more", serde.String, serde.Int64))
	}), path)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "without harm to its state:\n  - store \"more\" is new")
	require.Contains(t, got[0], "MILLSTREAM_UPDATE=1")
	require.NotContains(t, got[0], "breaks")

	got = assertTopology(t, topo, filepath.Join(t.TempDir(), "none.lock"))
	require.Len(t, got, 1)
	require.Regexp(t, `no lock file .*none.lock yet: .*MILLSTREAM_UPDATE=1`, got[0])

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	got = assertTopology(t, topo, path)
	require.Len(t, got, 1)
	require.Contains(t, got[0], path+": topology: lock file: ")
}

// TestAssertTopologyOfAnOlderRelease fails once, says what to do, and passes when it is done.
func TestAssertTopologyOfAnOlderRelease(t *testing.T) {
	topo := build(t, countAll)
	path := writeLock(t, topo)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	old := regexp.MustCompile(`"version": \d+,`).ReplaceAll(text, nil)
	require.NotEqual(t, string(text), string(old))
	require.NoError(t, os.WriteFile(path, old, 0o644))
	got := assertTopology(t, topo, path)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "windows, types of keys and values and times to live are not recorded in both")
	require.Contains(t, got[0], "MILLSTREAM_UPDATE=1")
	require.NotContains(t, got[0], "breaks")
	t.Setenv("MILLSTREAM_UPDATE", "1")
	require.Empty(t, assertTopology(t, topo, path))
	t.Setenv("MILLSTREAM_UPDATE", "")
	require.Empty(t, assertTopology(t, topo, path))
}

// TestAssertTopologyCannotWrite: a file in the place of a directory.
func TestAssertTopologyCannotWrite(t *testing.T) {
	topo := build(t, countAll)
	path := writeLock(t, topo)
	t.Setenv("MILLSTREAM_UPDATE", "1")
	require.Len(t, assertTopology(t, topo, filepath.Join(path, "below")), 1)
}
