package docs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

// TestConfiguration is the fragment of docs/configuration.md.
func TestConfiguration(t *testing.T) {
	t.Setenv("ORDERS_NUM_STREAM_THREADS", "2")
	topo, err := regions()
	require.NoError(t, err)
	require.NoError(t, configured(topo))
}

func configured(topo *streams.Topology) error {
	config, err := streams.FromEnv("ORDERS_")
	if err != nil {
		return err
	}
	app, err := streams.New(topo, config)
	if err != nil {
		return err
	}
	return show(app)
}

// show is what a program would do with the application.
func show(app *streams.App) error {
	_, err := fmt.Println(app.State())
	return err
}
