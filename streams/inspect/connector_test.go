package inspect_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// given is an App with a snapshot that the test gives.
type given streams.Snapshot

func (g given) Snapshot() streams.Snapshot { return streams.Snapshot(g) }

// TestPageShowsConnectors, with the error of one that does not write; without any, it does not speak of them.
func TestPageShowsConnectors(t *testing.T) {
	s := given{State: streams.Running, At: time.Now(), Connectors: []streams.ConnectorStatus{
		{Name: "totals", Kind: "sink", Topic: "per-product", Running: true, Records: 12345, Lag: 67},
		{Name: "files", Kind: "source", Topic: "lines", Lag: -1, Waiting: "<no directory>", WaitingSince: time.Now()},
	}}
	server := httptest.NewServer(inspect.Handler(s, inspect.Options{}))
	defer server.Close()
	_, body, _ := get(t, server, "/")
	for _, text := range []string{
		"sink totals", "12345", "67", "source files", "&lt;no directory&gt;", "source files has ended at", "not running",
	} {
		require.Contains(t, body, text)
	}
	s.Connectors = nil
	none := httptest.NewServer(inspect.Handler(s, inspect.Options{}))
	defer none.Close()
	_, body, _ = get(t, none, "/")
	require.NotContains(t, body, "onnector")
}
