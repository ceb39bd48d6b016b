package docs

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	metrics "github.com/millstream-go/millstream/streams/metrics/prometheus"
	"github.com/millstream-go/millstream/testkit/broker"
)

// watched is the mux of the page on operations.
func watched(app *streams.App) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/millstream/", http.StripPrefix("/millstream", inspect.Handler(app, inspect.Options{})))
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(app, streams.TaskLevel))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// listening are the settings of the page on operations.
func listening(states chan<- streams.State) (config streams.Config) {
	config.Events = streams.Events{
		StateChanged: func(was, is streams.State) { states <- is },
		Late: func(d streams.Drops) {
			slog.Warn("late records", "step", d.Step, "records", d.Records, "late_by", d.MaxLateness)
		},
		SessionEnded: func(e streams.SessionEnd) { slog.Info("session ended", "worker", e.Worker, "error", e.Err) },
	}
	return config
}

// decided are the settings of the page on operations.
func decided() (config streams.Config) {
	config.DeadLetterTopic = "orders-dead"
	config.OnError = streams.PolicyFunc(func(e *streams.ProcessError) streams.ErrorAction {
		switch e.Cause {
		case streams.DecodingError, streams.ProducingError:
			return streams.DeadLetter
		default:
			return streams.Fail
		}
	})
	return config
}

func TestDecidedSettings(t *testing.T) {
	topo, err := regions()
	require.NoError(t, err)
	config := decided()
	_, err = streams.New(topo, config)
	require.NoError(t, err)
	require.Equal(t, streams.DeadLetter, config.OnError.Decide(&streams.ProcessError{Cause: streams.DecodingError}))
	require.Equal(t, streams.Fail, config.OnError.Decide(&streams.ProcessError{}))
}

func TestWatchedApplication(t *testing.T) {
	topo, err := regions()
	require.NoError(t, err)
	b := broker.New(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 2))
	states := make(chan streams.State, 100)
	config := listening(states)
	config.Brokers, config.StateDir, config.Logger = b.Addrs(), t.TempDir(), slog.New(slog.DiscardHandler)
	app, err := streams.New(topo, config)
	require.NoError(t, err)
	server := httptest.NewServer(watched(app))
	defer server.Close()
	get := func(path string) (int, string) {
		resp, err := http.Get(server.URL + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode, string(body)
	}
	run(t, app, func() {
		for is := range states {
			if is == streams.Running {
				break
			}
		}
		status, _ := get("/millstream/readyz")
		require.Equal(t, http.StatusOK, status)
		_, text := get("/metrics")
		require.Contains(t, text, `millstream_state{app="regions",state="running"} 1`)
	})
}

// run runs an application around a call.
func run(t *testing.T, app *streams.App, call func()) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	call()
	stop()
	require.NoError(t, <-ended)
}
