package docs

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/testkit"
)

// TestTesting is the test of the page on testing.
func TestTesting(t *testing.T) {
	topo, err := final()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.Partitions(4))
	clicks := testkit.Input(d, UserClicks)
	at := time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC)
	clicks.Pipe("ann", "page", at)
	clicks.Pipe("ann", "page", at.Add(20*time.Second))
	require.Empty(t, testkit.Output(d, UserCounts).Read(), "the window is open")

	clicks.Pipe("ann", "page", at.Add(2*time.Minute))
	require.Equal(t, map[string]int64{"ann": 2}, testkit.Latest(testkit.Output(d, UserCounts)))

	d.Crash(testkit.AfterCommit)
	clicks.Pipe("ann", "page", at.Add(2*time.Minute))
	require.Empty(t, testkit.Output(d, UserCounts).Read())
}

// TestLockFile is the fragment on the lock file, whose file is written and then compared.
func TestLockFile(t *testing.T) {
	topo, err := final()
	require.NoError(t, err)
	t.Setenv("MILLSTREAM_UPDATE", "1")
	testkit.AssertTopology(t, topo, filepath.Join(t.TempDir(), "topology.lock"))
}
