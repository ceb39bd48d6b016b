package streams_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

// TestACopiedStateDirectory: of two processes with one identity, one stops and says why, and the other goes on.
func TestACopiedStateDirectory(t *testing.T) {
	r := newCountRig(t)
	config, copied := r.config(t.TempDir()), r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(1)
	r.requireCounts("per-key", 1)
	require.NoError(t, stop())
	const id = "app/process-id"
	require.NoError(t, os.Mkdir(filepath.Join(copied.StateDir, "app"), 0o755))
	content, err := os.ReadFile(filepath.Join(config.StateDir, id))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(copied.StateDir, id), content, 0o644))

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	for _, c := range []streams.Config{config, copied} {
		a, err := streams.New(topo(t, countWords), c)
		require.NoError(t, err)
		go func() { ended <- a.Run(ctx) }()
	}
	require.ErrorIs(t, <-ended, streams.ErrFenced)
	r.send(30)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	cancel()
	require.NoError(t, <-ended)
}
