package debezium_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

var (
	customerKey = debezium.JSONColumn[int64]("id")
	orderKeys   = debezium.JSONRow[orderKey]()

	customers    = streams.NewTopic("plain.public.customers", customerKey, debezium.JSON[customer]())
	orders       = streams.NewTopic("plain.public.orders", orderKeys, debezium.JSON[order]())
	customerRows = state.NewKeyValue("customers", customerKey, debezium.JSONRow[customer]())
	orderRows    = state.NewKeyValue("orders", orderKeys, debezium.JSONRow[order]())
	joinedRows   = state.NewKeyValue("joined", orderKeys, serde.JSON[joined]())
	joinedTopic  = streams.NewTopic("joined", orderKeys, serde.JSON[joined]())
	placedBy     = streams.NewForeignKey("placed-by", orderKeys, customerKey, debezium.JSONRow[order](),
		debezium.JSONRow[customer]())
)

type (
	orderKey struct {
		Region string `debezium:"region"`
		ID     int32  `debezium:"id"`
	}
	joined struct {
		Amount debezium.Decimal
		Name   string
	}
)

func namesAndNotes(rows map[int64]customer) map[int64]string {
	out := map[int64]string{}
	for id, c := range rows {
		out[id] = c.Name + " " + string(c.Balance)
		if c.Note != nil {
			out[id] += " " + (*c.Note)[:9]
		}
	}
	return out
}

// TestTableIsTheDatabases: what Debezium wrote of the changes gives the rows that the database had at the end, through
// a crash and from the changelog: the large value that an update did not send, the key that changed, the delete.
func TestTableIsTheDatabases(t *testing.T) {
	b := streams.NewBuilder("table")
	debezium.Table(b, customers, customerRows)
	d := testkit.New(t, build(t, b), testkit.Partitions(3), testkit.CommitEvery(4))
	in := testkit.Input(d, customers)
	for i, g := range records(t, "plain", ".customers") {
		in.PipeRaw(g.raw())
		if i == 3 || i == 9 {
			d.Crash(testkit.BeforeCommit)
		}
	}
	want := map[int64]string{
		1: "Ada 1234567.90", 2: "Bob -0.01 long text", 4: "Dee -4.00", 5: "Eve 0.00", 6: "Fay 0.00", 7: "end 0.00",
	}
	require.Equal(t, want, namesAndNotes(all(d, customerRows)))
	d.LoseState()
	require.Equal(t, want, namesAndNotes(all(d, customerRows)))
	note, _ := testkit.Get(d, customerRows, 2)
	require.Equal(t, strings.Repeat("long text that does not fit the page ", 100), *note.Note)
}

// TestTablesJoin: orders with the names of their customers, by foreign key, at any number of partitions.
func TestTablesJoin(t *testing.T) {
	b := streams.NewBuilder("joins")
	c := debezium.Table(b, customers, customerRows)
	o := debezium.Table(b, orders, orderRows, debezium.EmptyOnTruncate())
	streams.JoinForeignKey(o, c, placedBy, joinedRows, func(_ orderKey, o order) streams.Optional[int64] { return streams.Some(o.Customer) },
		func(o order, c customer) joined { return joined{Amount: o.Amount, Name: c.Name} }).ToStream().To(joinedTopic)
	d := testkit.New(t, build(t, b))
	cs, ordered := records(t, "plain", ".customers"), records(t, "plain", ".orders")
	for _, g := range ordered[:7] {
		testkit.Input(d, orders).PipeRaw(g.raw())
	}
	for _, g := range cs[:7] {
		testkit.Input(d, customers).PipeRaw(g.raw())
	}
	require.Equal(t, map[orderKey]joined{
		{"EU", 1}: {"20", "Ada"}, {"EU", 2}: {"1.5", "Dee"}, {"US", 1}: {"100000000000000000000.000000001", "Bob"},
	}, testkit.Latest(testkit.Output(d, joinedTopic)))
	for _, g := range append(cs[7:], ordered[7:]...) {
		if g.Topic == customers.Name() {
			testkit.Input(d, customers).PipeRaw(g.raw())
		} else {
			testkit.Input(d, orders).PipeRaw(g.raw())
		}
	}
	require.Equal(t, map[orderKey]joined{{"EU", 5}: {"5", "Fay"}}, all(d, joinedRows),
		"the truncate took all that was there")
}

// all are the rows of a store.
func all[K comparable, V any](d *testkit.Driver, store state.KeyValue[K, V]) map[K]V {
	out := map[K]V{}
	for _, r := range testkit.Rows(d, store) {
		out[r.Key] = r.Value
	}
	return out
}

func build(t *testing.T, b *streams.Builder) *topology.Topology {
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

var truncated = testkit.RawRecord{Value: []byte(`{"op":"t","before":null,"after":null,"source":{"schema":"public","table":"customers"}}`)}

// TestTruncateIsAnError unless the author says that there is one partition, which the application then checks.
func TestTruncateIsAnError(t *testing.T) {
	b := streams.NewBuilder("truncate")
	debezium.Table(b, customers, customerRows)
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	testkit.Input(d, customers).PipeRaw(truncated)
	var refused *debezium.TruncateError
	require.ErrorAs(t, d.Err(), &refused)
	require.Equal(t, "public.customers", refused.Table)

	b = streams.NewBuilder("truncate")
	debezium.Table(b, customers, customerRows, debezium.EmptyOnTruncate())
	_, err = testkit.NewDriver(build(t, b), testkit.Partitions(2))
	require.ErrorContains(t, err, "EmptyOnTruncate needs topics of one partition")
}

// TestValueThatNobodyHas: an update without its large value, as the first record of its key.
func TestValueThatNobodyHas(t *testing.T) {
	b := streams.NewBuilder("unavailable")
	debezium.Table(b, customers, customerRows)
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	testkit.Input(d, customers).PipeRaw(records(t, "plain", ".customers")[4].raw())
	var missing *debezium.UnavailableError
	require.ErrorAs(t, d.Err(), &missing)
	require.Equal(t, []string{"note"}, missing.Columns)
}

// TestBadRecordsMeetThePolicy: they are left out and counted, and the rest goes on.
func TestBadRecordsMeetThePolicy(t *testing.T) {
	b := streams.NewBuilder("policy")
	debezium.Table(b, customers, customerRows)
	d := testkit.New(t, build(t, b), testkit.Skip())
	wrote := records(t, "plain", ".customers")
	in := testkit.Input(d, customers)
	in.PipeRaw(wrote[0].raw())
	in.PipeRaw(testkit.RawRecord{Key: []byte(`{"id":1}`), Value: []byte(`{"id":1,"name":"not an event"}`)})
	in.PipeRaw(testkit.RawRecord{Key: []byte(`{"id":1}`), Value: []byte(`{"op":"q","after":{}}`)})
	in.PipeRaw(testkit.RawRecord{Key: []byte(`{"id":1}`), Value: []byte(strings.Replace(*wrote[0].Value, `"B1vNFQ=="`, `1.5`, 1))})
	in.PipeRaw(truncated)
	in.PipeRaw(wrote[2].raw())
	require.Equal(t, map[streams.DropReason]int64{streams.DropDeserialize: 3, streams.DropProcess: 1}, d.Dropped())
	require.Len(t, all(d, customerRows), 2)
}

// TestStreamOfChanges: operations and times are there for plain steps.
func TestStreamOfChanges(t *testing.T) {
	b := streams.NewBuilder("stream")
	ops := streams.NewTopic("ops", customerKey, serde.String)
	streams.MapValues(streams.From(b, customers.Timestamp(debezium.CommitTime)),
		func(c debezium.Change[customer]) string { return string(c.Op) }).To(ops)
	d := testkit.New(t, build(t, b))
	all := records(t, "plain", ".customers")
	for _, g := range all {
		testkit.Input(d, customers).PipeRaw(g.raw())
	}
	var text string
	var last int64
	for _, r := range testkit.Output(d, ops).Read() {
		text += r.Value + "."
		require.GreaterOrEqual(t, r.Timestamp, last)
		last = r.Timestamp
	}
	require.Equal(t, "r.r.c.u.u.c.u.d..c.d..u.c.c.c.", text)
	var sent struct{ Source struct{ Ts_ms int64 } } //nolint:staticcheck // the name in the envelope
	require.NoError(t, json.Unmarshal([]byte(*all[len(all)-1].Value), &sent))
	require.Equal(t, sent.Source.Ts_ms, last)
}
