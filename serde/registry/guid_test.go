package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
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

// The headers of Confluent's HeaderSchemaIdSerializer.
const keyHeader, valueHeader = "__key_schema_id", "__value_schema_id"

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

// TestGUIDsInHeaders: records that name their schemas there are read, written and kept in stores, beside those that
// have ids in front.
func TestGUIDsInHeaders(t *testing.T) {
	fake, r := newFake(t, 0)
	codec, items := avro.Of[order]("shop"), protobuf.Of[*shop.Order_Item]()
	in := streams.NewTopic("orders", registry.Of(r, items, registry.InHeaders()), registry.Of(r, codec))
	out := streams.NewTopic("copied",
		registry.Of(r, items, registry.InHeaders()), registry.Of(r, codec, registry.InHeaders()))
	byID := streams.NewTopic("by-id", registry.Of(r, items), registry.Of(r, codec))
	b := streams.NewBuilder("copy")
	rows := streams.TableFrom(b, in, state.NewKeyValue("rows", in.Key(), out.Value())).ToStream()
	rows.To(out)
	rows.To(byID)
	topo, err := b.Build()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	raw, plain := testkit.Output(d, streams.NewTopic("copied", serde.Bytes, serde.Bytes)), testkit.Output(d, byID)

	indexes := []byte{4, 2, 0} // of the message, as zigzag varints
	keyFrame := append(frameOf(t, fake.URL(), "copied-key"), indexes...)
	valueFrame := frameOf(t, fake.URL(), "copied-value")
	key, value := bare(t, items, &shop.Order_Item{Name: "k"}), bare(t, codec, order{"a", 5})
	orders := testkit.Input(d, in)
	user := streams.Header{Key: "trace", Value: []byte("1")}
	stale := streams.Header{Key: valueHeader, Value: []byte("of a record before")}
	headers := []streams.Header{{Key: keyHeader, Value: keyFrame}, user, stale, {Key: valueHeader, Value: valueFrame}}
	orders.PipeRaw(testkit.RawRecord{Key: key, Value: value, Headers: headers, Timestamp: 1})
	orders.PipeRecord(streams.Record[*shop.Order_Item, order]{
		Key: &shop.Order_Item{Name: "k"}, Value: order{"b", 6}, Timestamp: 2, Headers: []streams.Header{stale, user},
	}) // the key has its GUID in a header, the value its id in front
	orders.PipeRaw(testkit.RawRecord{Key: key, Headers: headers[:1], Timestamp: 3})

	got := raw.Read()
	require.Len(t, got, 3)
	for i, want := range []order{{"a", 5}, {"b", 6}} {
		require.Equal(t, key, got[i].Key)
		require.Equal(t, bare(t, codec, want), got[i].Value)
		require.Equal(t, []streams.Header{user, {Key: keyHeader, Value: keyFrame}, {Key: valueHeader, Value: valueFrame}},
			got[i].Headers)
	}
	require.True(t, got[2].NullValue)
	require.Equal(t, []streams.Header{{Key: keyHeader, Value: keyFrame}}, got[2].Headers, "a delete has no schema")
	ids := plain.Read()
	require.Len(t, ids, 3)
	require.Equal(t, order{"b", 6}, ids[1].Value)
	require.Equal(t, []streams.Header{user}, ids[1].Headers, "an id is in front, and no header says otherwise")
	require.Equal(t, "registry(avro,shop.order,guid)", serde.FormatOf(out.Value()))
}

// TestGUIDsInHeadersOfABroker: the key's frame has no part in the choice of the partition.
func TestGUIDsInHeadersOfABroker(t *testing.T) {
	fake, r := newFake(t, 0)
	codec := avro.Of[order]("shop")
	orders := streams.NewTopic("orders", registry.Of(r, avro.With[string](`"string"`), registry.InHeaders()),
		registry.Of(r, codec, registry.InHeaders()))
	counts := streams.NewTopic("counts", orders.Key(), serde.Int64)
	b := streams.NewBuilder("counts")
	store := state.NewKeyValue("totals", orders.Key(), serde.Int64)
	streams.From(b, orders).GroupByKey().Count(store).ToStream().To(counts)
	topo, err := b.Build()
	require.NoError(t, err)
	kafka := broker.New(t)
	require.NoError(t, kafka.CreateTopicsOf(t.Context(), topo, 5))
	var sent []streams.Record[string, order]
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "a"} {
		sent = append(sent, streams.NewRecord(key, order{key, 5}, 1))
	}
	require.NoError(t, broker.Produce(t.Context(), kafka, orders, sent...))
	ctx, stop := context.WithCancel(t.Context())
	app, err := streams.New(topo, streams.Config{Brokers: kafka.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	require.NoError(t, kafka.WaitProcessed(t.Context(), topo))
	got := map[string]int64{}
	for r, err := range broker.Consume(t.Context(), kafka, counts) {
		require.NoError(t, err)
		require.Empty(t, r.Headers, "the frame is no header of the user's")
		if got[r.Key] = r.Value; len(got) == 6 && got["a"] == 2 {
			break
		}
	}
	stop()
	require.NoError(t, <-ended)
	require.Equal(t, map[string]int64{"a": 2, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}, got)

	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addrs()...), kgo.ConsumeTopics("orders"))
	require.NoError(t, err)
	defer client.Close()
	hash := kgo.StickyKeyPartitioner(nil).ForTopic("orders") // as Java's, of the bytes of the key
	frame := frameOf(t, fake.URL(), "orders-value")
	for n := 0; n < len(sent); {
		client.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			require.Equal(t, hash.Partition(r, 5), int(r.Partition))
			require.Equal(t, bare(t, avro.With[string](`"string"`), string(r.Key[1:])), r.Key)
			require.True(t, bytes.Equal(frame, r.Headers[1].Value))
			n++
		})
	}
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
