package avrochange_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/streams/connect/debezium/avrochange"
)

// envelope is a schema as Confluent's converter derives it from Debezium's.
const envelope = `{"type":"record","name":"Envelope","namespace":"shop.public.customers","fields":[
 {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
  {"name":"id","type":"long"},
  {"name":"balance","type":{"type":"bytes","scale":2,"precision":12,"connect.version":1,
    "connect.parameters":{"scale":"2","connect.decimal.precision":"12"},
    "connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},
  {"name":"amount","type":{"type":"record","name":"VariableScaleDecimal","namespace":"io.debezium.data",
    "fields":[{"name":"scale","type":"int"},{"name":"value","type":"bytes"}],
    "connect.version":1,"connect.name":"io.debezium.data.VariableScaleDecimal"}},
  {"name":"score","type":["null","double"],"default":null},
  {"name":"tags","type":["null",{"type":"array","items":["null","string"]}],"default":null},
  {"name":"born","type":["null",{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Date"}],"default":null},
  {"name":"wakes","type":["null",{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTime"}],
   "default":null},
  {"name":"seen","type":["null",{"type":"long","connect.version":1,
    "connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}],"default":null},
  {"name":"created","type":{"type":"string","connect.version":1,"connect.name":"io.debezium.time.ZonedTimestamp"}},
  {"name":"photo","type":["null","bytes"],"default":null}
 ],"connect.name":"shop.public.customers.Value"}],"default":null},
 {"name":"after","type":["null","Value"],"default":null},
 {"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.postgresql","fields":[
  {"name":"version","type":"string"},{"name":"connector","type":"string"},{"name":"name","type":"string"},
  {"name":"ts_ms","type":"long"},{"name":"snapshot","type":["null","string"],"default":null},
  {"name":"db","type":"string"},{"name":"schema","type":"string"},{"name":"table","type":"string"},
  {"name":"txId","type":["null","long"],"default":null},{"name":"lsn","type":["null","long"],"default":null}],
  "connect.name":"io.debezium.connector.postgresql.Source"}},
 {"name":"op","type":"string"},
 {"name":"ts_ms","type":["null","long"],"default":null},
 {"name":"transaction","type":["null",{"type":"record","name":"block","namespace":"event","fields":[
  {"name":"id","type":"string"},{"name":"total_order","type":"long"},{"name":"data_collection_order","type":"long"}]}],
  "default":null}
],"connect.name":"shop.public.customers.Envelope"}`

type customer struct {
	ID      int64            `debezium:"id"`
	Balance debezium.Decimal `debezium:"balance"`
	Amount  debezium.Decimal `debezium:"amount"`
	Score   *float64         `debezium:"score"`
	Tags    []*string        `debezium:"tags"`
	Born    *time.Time       `debezium:"born"`
	Wakes   *time.Duration   `debezium:"wakes"`
	Seen    *time.Time       `debezium:"seen"`
	Created time.Time        `debezium:"created"`
	Photo   []byte           `debezium:"photo"`
	Level   int32            `debezium:"level,optional"`
}

// written is a value behind the id of its schema, as Confluent's serializers write it.
func written(t *testing.T, id int, schema string, value map[string]any) []byte {
	s, err := avro.Parse(schema)
	require.NoError(t, err)
	b, err := s.AppendEncode([]byte{0, 0, 0, 0, byte(id)}, value)
	require.NoError(t, err)
	return b
}

func register(t *testing.T, url, schema string) int {
	client, err := sr.NewClient(sr.URLs(url))
	require.NoError(t, err)
	s, err := client.CreateSchema(context.Background(), "shop.public.customers-value", sr.Schema{Schema: schema})
	require.NoError(t, err)
	return s.ID
}

func ptr[T any](v T) *T { return &v }

// TestChangesInAvro: each column by what the writer's schema says of it.
func TestChangesInAvro(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	id := register(t, fake.URL(), envelope)
	s := registry.Of(registry.New(registry.Config{URLs: []string{fake.URL()}}), avrochange.Of[customer]())
	require.NoError(t, serde.ErrOf(s))
	var plain any // to write bytes of a decimal as they are
	require.NoError(t, json.Unmarshal([]byte(envelope), &plain))
	row := map[string]any{
		"id": int64(7), "balance": json.Number("19.99"), "amount": map[string]any{"scale": int32(1), "value": []byte{15}},
		"score": math.NaN(), "tags": []any{"a", nil}, "born": int32(-1), "wakes": int64(1_000_000),
		"seen": time.UnixMilli(1500).UTC(), "created": "2026-01-01T00:00:00Z", "photo": []byte{0, 255},
	}
	event := map[string]any{
		"before": nil, "after": row, "op": "c", "ts_ms": int64(1700),
		"source": map[string]any{
			"version": "3.6", "connector": "postgresql", "name": "shop", "ts_ms": int64(1600), "snapshot": "false",
			"db": "shop", "schema": "public", "table": "customers", "txId": int64(5), "lsn": int64(99),
		},
		"transaction": map[string]any{"id": "5:99", "total_order": int64(1), "data_collection_order": int64(1)},
	}
	c, err := s.Decode(written(t, id, envelope, event))
	require.NoError(t, err)
	require.Equal(t, debezium.Create, c.Op)
	require.False(t, c.Before.OK)
	require.True(t, math.IsNaN(*c.After.Value.Score))
	c.After.Value.Score = nil
	require.Equal(t, customer{
		ID: 7, Balance: "19.99", Amount: "1.5", Tags: []*string{ptr("a"), nil},
		Born: ptr(time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)), Wakes: ptr(time.Second),
		Seen: ptr(time.UnixMilli(1500).UTC()), Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Photo: []byte{0, 255},
	}, c.After.Value)
	require.Equal(t, "5", c.Transaction.Key())
	require.EqualValues(t, 99, c.Source.LSN)
	require.Equal(t, time.UnixMilli(1600).UTC(), c.Source.At)

	type wrong struct {
		Balance float64 `debezium:"balance"`
	}
	w := registry.Of(registry.New(registry.Config{URLs: []string{fake.URL()}}), avrochange.Of[wrong]())
	_, err = w.Decode(written(t, id, envelope, event))
	require.ErrorIs(t, err, debezium.ErrDecimalMode)
}

// TestRowsAndKeysInAvro, and what is no change event.
func TestRowsAndKeysInAvro(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	const key = `{"type":"record","name":"Key","namespace":"shop.public.customers","fields":[{"name":"id","type":"long"}],
		"connect.name":"shop.public.customers.Key"}`
	id := register(t, fake.URL(), key)
	r := registry.New(registry.Config{URLs: []string{fake.URL()}})
	value := written(t, id, key, map[string]any{"id": int64(7)})
	got, err := registry.Of(r, avrochange.Column[int64]("id")).Decode(value)
	require.NoError(t, err)
	require.EqualValues(t, 7, got)
	type columns struct {
		ID int64 `debezium:"id"`
	}
	row, err := registry.Of(r, avrochange.Row[columns]()).Decode(value)
	require.NoError(t, err)
	require.Equal(t, columns{7}, row)

	_, err = registry.Of(r, avrochange.Of[columns]()).Decode(value)
	require.ErrorIs(t, err, debezium.ErrEnvelope)
	_, err = registry.Of(r, avrochange.Of[columns]()).Append(nil, debezium.Change[columns]{})
	require.ErrorContains(t, err, "read only")
	_, err = avrochange.Of[columns]().Decode(value)
	require.ErrorContains(t, err, "needs the schema")
	require.Error(t, serde.ErrOf(registry.Of(r, avrochange.Of[int]())))
	_, err = registry.Of(r, avrochange.Column[int64]("id")).Decode(value[:5])
	require.Error(t, err)
}
