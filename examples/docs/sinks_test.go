package docs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/outbox"
	"github.com/millstream-go/millstream/streams/connect/searchsink"
	"github.com/millstream-go/millstream/streams/connect/sqlsink"
	"github.com/millstream-go/millstream/testkit/broker"
)

type Total struct {
	Cents  int64 `json:"cents"`
	Orders int64 `json:"orders"`
}

var Totals = streams.NewTopic("totals", serde.String, serde.JSON[Total]())

func toTable(ctx context.Context, db *sql.DB, brokers []string) error {
	sink := sqlsink.New(db, sqlsink.Config[string, Total]{
		Name:    "totals",
		Table:   "order_totals",
		Key:     []string{"customer"},
		Columns: []string{"cents", "orders"},
		KeyOf:   func(customer string) []any { return []any{customer} },
		Values:  func(t Total) []any { return []any{t.Cents, t.Orders} },
	})
	runner, err := connect.New(Totals, sink, connect.Config{Brokers: brokers, Group: "totals-to-table"})
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

func toIndex() connect.Sink[string, Total] {
	return searchsink.New(searchsink.Config[string, Total]{
		URL:    "http://localhost:9200",
		Index:  "order-totals",
		Create: json.RawMessage(`{"mappings":{"properties":{"cents":{"type":"long"}}}}`),
		ID:     func(customer string) string { return customer },
	})
}

var Payments = streams.NewTopic("payments", serde.String, serde.String)

func payments(ctx context.Context, db *sql.DB, brokers []string) error {
	source := outbox.New(db, outbox.Config[string, string]{
		Table:   "outbox",
		Columns: []string{"account", "payload"},
		Record: func(scan func(columns ...any) error) (r streams.Record[string, string], err error) {
			err = scan(&r.Key, &r.Value)
			return r, err
		},
		Delete: true,
	})
	runner, err := connect.NewSource(Payments, source, connect.SourceConfig{Brokers: brokers, Name: "payments-outbox"})
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

func letters(brokers []string, instance string) connect.Config {
	return connect.Config{
		Brokers: brokers, Group: "totals-to-index",
		OnError: streams.DeadLetter, DeadLetterTopic: "totals-refused",
		Kafka: []kgo.Opt{kgo.InstanceID(instance)},
	}
}

func TestSinks(t *testing.T) {
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), 1, Totals))
	db := sql.OpenDB(nowhere{})
	defer db.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, toTable(ctx, db, b.Addrs()), "a stop is no error, even while the database is away")
	require.NoError(t, payments(ctx, db, b.Addrs()))
	_, err := connect.New(Totals, toIndex(), letters(b.Addrs(), "one"))
	require.NoError(t, err)
}

// nowhere is a database that is away.
type nowhere struct{}

func (nowhere) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("away") }
func (nowhere) Driver() driver.Driver                        { return nil }
