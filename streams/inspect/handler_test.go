package inspect_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// newApp is an application that was not started, and copies words.
func newApp(t *testing.T, b *broker.Broker) *streams.App {
	words := streams.NewTopic("words", serde.String, serde.String)
	builder := streams.NewBuilder("copy")
	streams.From(builder, words).To(streams.NewTopic("copies", serde.String, serde.String))
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 2))
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		CommitInterval: 20 * time.Millisecond,
	})
	require.NoError(t, err)
	return app
}

func get(t *testing.T, s *httptest.Server, path string) (status int, body string, header http.Header) {
	resp, err := s.Client().Get(s.URL + path)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text), resp.Header
}

// TestHandlerBelowAPrefix: an application from before its start to its end, as probes see it.
func TestHandlerBelowAPrefix(t *testing.T) {
	app := newApp(t, broker.New(t))
	mux := http.NewServeMux()
	mux.Handle("/millstream/", http.StripPrefix("/millstream", inspect.Handler(app, inspect.Options{})))
	server := httptest.NewServer(mux)
	defer server.Close()
	status, body, header := get(t, server, "/millstream/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "created\n", body)
	require.Equal(t, "no-store", header.Get("Cache-Control"))

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	require.Eventually(t, func() bool {
		status, body, _ = get(t, server, "/millstream/readyz")
		return status == http.StatusOK
	}, 30*time.Second, time.Millisecond)
	require.Equal(t, "ok\n", body)
	status, _, _ = get(t, server, "/millstream/livez")
	require.Equal(t, http.StatusOK, status)

	_, body, header = get(t, server, "/millstream/readyz?verbose")
	require.Equal(t, "application/json", header.Get("Content-Type"))
	var h map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &h))
	require.Equal(t, "copy", h["app"])
	require.Equal(t, "running", h["state"])
	require.Equal(t, true, h["ready"])

	_, body, _ = get(t, server, "/millstream/api/v1/snapshot")
	var s struct {
		State string
		Tasks []struct {
			Task   string
			Inputs []struct{ Topic string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Equal(t, "running", s.State)

	cancel()
	require.NoError(t, <-ended)
	status, body, _ = get(t, server, "/millstream/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "stopped\n", body)
	status, _, _ = get(t, server, "/millstream/livez")
	require.Equal(t, http.StatusOK, status, "it ends by itself")
}

// TestHandlerIsReadOnly: other methods and paths are refused.
func TestHandlerIsReadOnly(t *testing.T) {
	server := httptest.NewServer(inspect.Handler(newApp(t, broker.New(t)), inspect.Options{}))
	defer server.Close()
	resp, err := server.Client().Post(server.URL+"/livez", "text/plain", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	status, _, _ := get(t, server, "/api/v1/nothing")
	require.Equal(t, http.StatusNotFound, status)
}
