package registry_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/protobuf"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/testkit/broker"
)

// The header of Confluent's HeaderSchemaIdSerializer.
const valueHeader = "__value_schema_id"

// frameOf is the header of a schema that a subject has: 1 and its GUID.
func frameOf(t *testing.T, url, subject string) []byte {
	client, err := sr.NewClient(sr.URLs(url))
	require.NoError(t, err)
	found, err := client.SchemaByVersion(context.Background(), subject, 1)
	require.NoError(t, err)
	guid, err := serde.UUID[[16]byte]().Decode([]byte(found.GUID))
	require.NoError(t, err)
	return append([]byte{1}, guid[:]...)
}

// bare are the bytes that a codec writes, without a registry.
func bare[T any](t *testing.T, s serde.Serde[T], v T) []byte {
	b, err := s.Append(nil, v)
	require.NoError(t, err)
	return b
}

// TestGUIDsInHeaders: values that name their schemas there are read, written and kept in stores, beside those that have
// ids in front.
func TestGUIDsInHeaders(t *testing.T) {
	fake, r := newFake(t, 0)
	codec := protobuf.Of[*shop.Order_Item]()
	in := streams.NewTopic("items", serde.String, registry.Of(r, codec))
	out := streams.NewTopic("copied", serde.String, registry.Of(r, codec, registry.InHeaders()))
	byID := streams.NewTopic("by-id", serde.String, registry.Of(r, codec))
	b := streams.NewBuilder("copy")
	rows := streams.TableFrom(b, in, state.NewKeyValue("rows", in.Key(), out.Value())).ToStream()
	rows.To(out)
	rows.To(byID)
	topo, err := b.Build()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	raw, plain := testkit.Output(d, streams.NewTopic("copied", serde.String, serde.Bytes)), testkit.Output(d, byID)

	frame := append(frameOf(t, fake.URL(), "copied-value"), 4, 2, 0) // and where the message is, as zigzag varints
	user := streams.Header{Key: "trace", Value: []byte("1")}
	stale := streams.Header{Key: valueHeader, Value: []byte("of a record before")}
	headers := []streams.Header{user, stale, {Key: valueHeader, Value: frame}}
	items := testkit.Input(d, in)
	items.PipeRaw(testkit.RawRecord{
		Key: []byte("k"), Value: bare(t, codec, &shop.Order_Item{Name: "a"}), Headers: headers, Timestamp: 1,
	})
	items.PipeRecord(streams.Record[string, *shop.Order_Item]{
		Key: "k", Value: &shop.Order_Item{Name: "b"}, Timestamp: 2, Headers: []streams.Header{stale, user},
	}) // with its id in front
	items.PipeRaw(testkit.RawRecord{Key: []byte("k"), Headers: headers, Timestamp: 3})

	got := raw.Read()
	require.Len(t, got, 3)
	for i, name := range []string{"a", "b"} {
		require.Equal(t, bare(t, codec, &shop.Order_Item{Name: name}), got[i].Value)
		require.Equal(t, []streams.Header{user, {Key: valueHeader, Value: frame}}, got[i].Headers)
	}
	require.True(t, got[2].NullValue)
	require.Equal(t, []streams.Header{user}, got[2].Headers, "a delete has no schema")
	ids := plain.Read()
	require.Len(t, ids, 3)
	require.Equal(t, "b", ids[1].Value.GetName())
	require.Equal(t, []streams.Header{user}, ids[1].Headers, "an id is in front, and no header says otherwise")
	require.Equal(t, "registry(protobuf,shop.Order.Item,guid)", serde.FormatOf(out.Value()))
}

// TestGUIDsInHeadersOfABroker: through an application and its changelog.
func TestGUIDsInHeadersOfABroker(t *testing.T) {
	fake, r := newFake(t, 0)
	codec := avro.Of[order]("shop")
	orders := streams.NewTopic("orders", serde.String, registry.Of(r, codec, registry.InHeaders()))
	newest := streams.NewTopic("newest", serde.String, orders.Value())
	b := streams.NewBuilder("newest")
	streams.TableFrom(b, orders, state.NewKeyValue("rows", serde.String, orders.Value())).ToStream().To(newest)
	topo, err := b.Build()
	require.NoError(t, err)
	kafka := broker.New(t)
	require.NoError(t, kafka.CreateTopicsOf(t.Context(), topo, 2))
	require.NoError(t, broker.Produce(t.Context(), kafka, orders,
		streams.NewRecord("a", order{"a", 5}, 1), streams.NewRecord("a", order{"a", 6}, 2)))
	ctx, stop := context.WithCancel(t.Context())
	app, err := streams.New(topo, streams.Config{
		Brokers: kafka.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ended := make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- app.Run(ctx) }()
	var last order
	for r, err := range broker.Consume(t.Context(), kafka, newest) {
		require.NoError(t, err)
		require.Empty(t, r.Headers, "the frame is no header of the user's")
		if last = r.Value; last.Cents == 6 {
			break
		}
	}
	stop()
	require.NoError(t, <-ended)
	bytesOf := streams.NewTopic("newest", serde.String, serde.Bytes)
	for r, err := range broker.Consume(t.Context(), kafka, bytesOf) {
		require.NoError(t, err)
		require.Equal(t, []streams.Header{{Key: valueHeader, Value: frameOf(t, fake.URL(), "newest-value")}}, r.Headers)
		if string(r.Value) == string(bare(t, codec, order{"a", 6})) {
			break
		}
	}
}

// TestGUIDsOfKeys are refused: what looks a key up, or gives it a partition, does so by all of its bytes.
func TestGUIDsOfKeys(t *testing.T) {
	_, r := newFake(t, 0)
	keys := registry.Of(r, avro.With[string](`"string"`), registry.InHeaders())
	err := serde.Start(context.Background(), serde.Use{Topic: "orders", Key: true, Write: true}, keys)
	require.ErrorContains(t, err, "registry: InHeaders is for values")
}

// TestRegistryWithoutGUIDs, as those before Confluent's 8.0, and an unknown GUID.
func TestRegistryWithoutGUIDs(t *testing.T) {
	fake, r := newFake(t, 0)
	var unknown *registry.UnknownSchemaError
	_, err := registry.Of(r, avro.Of[order]("shop")).Decode(append([]byte{1}, strings.Repeat("\xab", 18)...))
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "abababab-abab-abab-abab-abababababab", unknown.GUID)
	require.ErrorContains(t, err, "registry: schema GUID abababab-abab-abab-abab-abababababab is not known there")
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost || req.URL.Path != "/subjects/orders-value" {
			return false
		}
		return json.NewEncoder(w).Encode(map[string]any{"subject": "orders-value", "version": 1, "id": 1}) == nil
	})
	s := registry.Of(r, avro.Of[order]("shop"), registry.InHeaders())
	err = serde.Start(context.Background(), writeOrders, s)
	require.ErrorContains(t, err, "subject orders-value: the registry tells no GUIDs of schemas")
	_, err = s.Append(nil, order{})
	require.ErrorIs(t, err, registry.ErrNotStarted)
}
