package registry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// raw are the orders as bytes, for records that no serde of this test would write.
var (
	raw    = streams.NewTopic("orders", serde.String, serde.Bytes)
	copied = streams.NewTopic("copied", serde.String, serde.String)
)

// The subject of orders has one of the schemas; the other is not known from the start.
const knownID, laterID = 7, 99

// newJob copies the ids of orders, on a broker and a registry within the process.
func newJob(t *testing.T, wait time.Duration) (*broker.Broker, *srfake.Registry, *streams.App) {
	fake, r := newFake(t, wait)
	text := avro.Of[order]("shop").Schema().Text
	fake.SeedSchema("orders-value", 1, knownID, sr.Schema{Schema: text})
	fake.SeedSchema("later", 1, laterID, sr.Schema{Schema: text + " "})
	orders := streams.NewTopic("orders", serde.String, registry.Of(r, avro.Of[order]("shop")))
	b := streams.NewBuilder("copy")
	streams.MapValues(streams.From(b, orders), func(o order) string { return o.ID }).To(copied)
	topo, err := b.Build()
	require.NoError(t, err)
	kafka := broker.New(t)
	require.NoError(t, kafka.CreateTopicsOf(t.Context(), topo, 1))
	app, err := streams.New(topo, streams.Config{
		Brokers: kafka.Addrs(), StateDir: t.TempDir(), OnError: streams.Skip, CommitInterval: 20 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	return kafka, fake, app
}

// send writes an order under the id of a schema.
func send(t *testing.T, b *broker.Broker, schema byte, id string) {
	value := append([]byte{0, 0, 0, 0, schema, byte(2 * len(id))}, id+"\x0a"...)
	require.NoError(t, broker.Produce(t.Context(), b, raw, streams.Record[string, []byte]{Key: "k", Value: value}))
}

// running runs the application until the test has seen n results, which it gives.
func running(t *testing.T, app *streams.App, b *broker.Broker, n int) (ids []string) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	for r, err := range broker.Consume(t.Context(), b, copied) {
		require.NoError(t, err)
		if ids = append(ids, r.Value); len(ids) == n {
			break
		}
	}
	stop()
	require.NoError(t, <-ended)
	return ids
}

// TestApplicationWaitsForTheRegistry, and drops nothing, though its policy would.
func TestApplicationWaitsForTheRegistry(t *testing.T) {
	kafka, fake, app := newJob(t, time.Minute)
	var left atomic.Int64
	left.Store(4)
	fake.Intercept(away("/schemas/ids/99", &left))
	send(t, kafka, knownID, "a")
	send(t, kafka, laterID, "b")
	send(t, kafka, knownID, "c")
	require.Equal(t, []string{"a", "b", "c"}, running(t, app, kafka, 3))
	require.Less(t, left.Load(), int64(0))
	require.Empty(t, app.Dropped())
}

// TestApplicationGoesOnWithoutTheRegistry once the wait is over: the record meets the policy, and the next one is read.
func TestApplicationGoesOnWithoutTheRegistry(t *testing.T) {
	kafka, fake, app := newJob(t, 20*time.Millisecond)
	var left atomic.Int64
	left.Store(1 << 40)
	fake.Intercept(away("/schemas/ids/99", &left))
	send(t, kafka, knownID, "a")
	send(t, kafka, laterID, "b")
	send(t, kafka, knownID, "c")
	require.Equal(t, []string{"a", "c"}, running(t, app, kafka, 2))
	require.Equal(t, map[streams.DropReason]int64{streams.DropDeserialize: 1}, app.Dropped())
}

// TestApplicationWithARefusedSchema does not start.
func TestApplicationWithARefusedSchema(t *testing.T) {
	fake, r := newFake(t, 0)
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost || !strings.HasPrefix(req.URL.Path, "/subjects/copy-rows-changelog-value/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, err := w.Write([]byte(`{"error_code":409,"message":"field 'cents' is gone"}`))
		return err == nil
	})
	orders := streams.NewTopic("orders", serde.String, registry.Of(r, avro.Of[order]("shop")))
	b := streams.NewBuilder("copy")
	streams.TableFrom(b, orders, state.NewKeyValue("rows", serde.String, orders.Value()))
	topo, err := b.Build()
	require.NoError(t, err)
	kafka := broker.New(t)
	app, err := streams.New(topo, streams.Config{
		Brokers: kafka.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	err = app.Run(t.Context())
	var refused *registry.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "copy-rows-changelog-value", refused.Subject)
	require.Equal(t, "field 'cents' is gone", refused.Reason)
}
