package rescale_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

// mustNotStart: between the mark and the last commit no instance starts, and it says why.
func mustNotStart(t *testing.T, b *broker.Broker, topo *topology.Topology, phase rescale.Phase) {
	t.Helper()
	if phase == rescale.Planned || phase == rescale.Committed || phase == rescale.Done || phase == rescale.Undone {
		return
	}
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err = app.Run(ctx)
	var under *cluster.RescalingError
	require.True(t, errors.As(err, &under), "%s: %v", phase, err)
	require.ErrorContains(t, err, "run `millstream rescale grows-app` again")
}
