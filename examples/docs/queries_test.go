package docs

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// Sums is the store of the page on queries.
var Sums = state.NewKeyValue("sums", serde.String, serde.Int64)

// total is the first fragment of the page on queries.
func total(ctx context.Context, app *streams.App) (int64, error) {
	view, err := app.View(ctx, Sums, streams.OfKey(serde.String, "apple"))
	if err != nil {
		return 0, err
	}
	defer view.Close()
	total, _, err := Sums.In(view).Get("apple")
	return total, err
}

// totalAfter is the second one.
func totalAfter(ctx context.Context, app *streams.App, partition int32, offset int64) (int64, error) {
	view, err := app.View(ctx, Sums, streams.OfKey(serde.String, "apple"),
		streams.AtLeast(streams.After("orders", partition, offset)))
	if err != nil {
		return 0, err
	}
	defer view.Close()
	total, _, err := Sums.In(view).Get("apple")
	return total, err
}

// owner is the fragment on who has a row.
func owner(ctx context.Context, app *streams.App) (streams.Owner, error) {
	owner, err := app.Owner(ctx, Sums, streams.OfKey(serde.String, "apple"))
	return owner, err
}

// served is the mux of the page on queries.
func served(app *streams.App) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/millstream/", http.StripPrefix("/millstream", inspect.Handler(app, inspect.Options{ShowRecords: true})))
	return mux
}

// Payer is a value of which not everybody may see all.
type Payer struct{ Name, IBAN string }

// redacting are the options that hide a part of it.
func redacting() inspect.Options {
	options := inspect.Options{ShowRecords: true, Redact: func(_ string, value any) any {
		if payer, ok := value.(Payer); ok {
			payer.IBAN = "hidden"
			return payer
		}
		return value
	}}
	return options
}

func TestRedacting(t *testing.T) {
	redact := redacting().Redact
	require.Equal(t, Payer{"Ann", "hidden"}, redact("payers", Payer{"Ann", "DE02"}))
	require.Equal(t, int64(3), redact("sums", int64(3)))
}

func TestQueries(t *testing.T) {
	b := broker.New(t)
	orders := streams.NewTopic("orders", serde.String, serde.String)
	builder := streams.NewBuilder("orders")
	streams.From(builder, orders).GroupByKey().Count(Sums)
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		CommitInterval: 20 * time.Millisecond, Endpoint: "http://127.0.0.1:8080/millstream",
	})
	require.NoError(t, err)
	_, err = total(t.Context(), app)
	require.ErrorIs(t, err, streams.ErrNotRunning)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	require.Eventually(t, func() bool { return app.State() == streams.Running }, 30*time.Second, time.Millisecond)
	require.NoError(t, broker.Produce(t.Context(), b, orders,
		streams.Record[string, string]{Key: "apple", Value: "1"}, streams.Record[string, string]{Key: "apple", Value: "2"}))
	n, err := totalAfter(t.Context(), app, 0, 1)
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	n, err = total(t.Context(), app)
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	who, err := owner(t.Context(), app)
	require.NoError(t, err)
	require.Equal(t, streams.Owner{Here: true, Endpoint: "http://127.0.0.1:8080/millstream"}, who)
	answer := httptest.NewRecorder()
	served(app).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/millstream/stores/sums?key=apple", nil))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	require.Contains(t, answer.Body.String(), `"position":{"orders":{"0":2}}`)
	cancel()
	require.NoError(t, <-ended)
}
