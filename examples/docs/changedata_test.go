package docs

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/streams/connect/debezium/avrochange"
	"github.com/millstream-go/millstream/testkit"
)

type Account struct {
	ID      int64            `debezium:"id"`
	Name    string           `debezium:"name"`
	Balance debezium.Decimal `debezium:"balance,scale=2"`
	Born    *time.Time       `debezium:"born,date"`
	Profile json.RawMessage  `debezium:"profile"`
	Level   int32            `debezium:"level,optional"`
}

var (
	AccountKey     = debezium.JSONColumn[int64]("id")
	AccountChanges = streams.NewTopic("shop.public.accounts", AccountKey, debezium.JSON[Account]()).
			Timestamp(debezium.CommitTime)
	AccountRows = state.NewKeyValue("accounts", AccountKey, debezium.JSONRow[Account]())
)

type LineKey struct {
	Region string `debezium:"region"`
	ID     int32  `debezium:"id"`
}

var (
	LineKeys   = debezium.JSONRow[LineKey]()
	SchemaKeys = debezium.JSONColumn[int64]("id").WithSchema("shop.public.accounts.Key")
	Boundaries = streams.NewTopic("shop.transaction", debezium.JSONColumn[string]("id"), debezium.JSONBoundary())
	schemas    = registry.New(registry.Config{URLs: []string{"http://localhost:8081"}})

	AvroChanges = streams.NewTopic("shop.public.accounts", registry.Of(schemas, avrochange.Column[int64]("id")),
		registry.Of(schemas, avrochange.Of[Account]()))

	Left  = streams.NewTopic("left", AccountKey, serde.String)
	Sizes = streams.NewTopic("sizes", serde.String, serde.Int64)
)

func accounts() (*streams.Topology, error) {
	b := streams.NewBuilder("accounts-app")

	changes := streams.From(b, AccountChanges) // a stream of debezium.Change[Account]
	left := changes.Filter(func(c debezium.Change[Account]) bool { return c.Op == debezium.Delete })
	streams.MapValues(left, func(c debezium.Change[Account]) string { return c.Source.At.String() }).To(Left)

	rows := debezium.Table(b, AccountChanges, AccountRows) // the table, as the database has it
	_ = rows

	ends := streams.From(b, Boundaries).Filter(func(b debezium.Boundary) bool { return !b.Begin })
	byTransaction := streams.SelectKey(ends, func(b debezium.Boundary) string { return b.Key() })
	streams.MapValues(byTransaction, func(b debezium.Boundary) int64 { return b.Events }).To(Sizes)
	return b.Build()
}

func TestAccounts(t *testing.T) {
	topo, err := accounts()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	in := testkit.Input(d, AccountChanges)
	at := time.UnixMilli(1_700_000_000_000)
	in.Pipe(7, debezium.Change[Account]{Op: debezium.Create, After: streams.Some(Account{ID: 7, Balance: "1.50"})}, at)
	row, ok := testkit.Get(d, AccountRows, 7)
	require.True(t, ok)
	require.Equal(t, debezium.Decimal("1.50"), row.Balance)
	in.Pipe(7, debezium.Change[Account]{Op: debezium.Delete}, at)
	_, ok = testkit.Get(d, AccountRows, 7)
	require.False(t, ok)
	require.Len(t, testkit.Output(d, Left).Read(), 1)
	require.NoError(t, serde.ErrOf(LineKeys))
	require.NoError(t, serde.ErrOf(SchemaKeys))
	require.NoError(t, serde.ErrOf(AvroChanges.Value()))
	testkit.Input(d, Boundaries).Pipe("7:1", debezium.Boundary{ID: "7:1", Events: 4}, at)
	require.Equal(t, map[string]int64{"7": 4}, testkit.Latest(testkit.Output(d, Sizes)))
}
