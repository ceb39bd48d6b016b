package main

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/testkit/broker"
)

func newDriver(t *testing.T, opts ...testkit.Option) *testkit.Driver {
	topo, err := build()
	require.NoError(t, err)
	return testkit.New(t, topo, opts...)
}

// TestLock fails when the topology would orphan state that is deployed; MILLSTREAM_UPDATE=1 accepts what it says.
func TestLock(t *testing.T) {
	topo, err := build()
	require.NoError(t, err)
	testkit.AssertTopology(t, topo, "topology.lock")
}

func TestTotals(t *testing.T) {
	d := newDriver(t)
	orders := testkit.Input(d, Orders)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipe := func(customer, product string, cents int64, after time.Duration) {
		orders.Pipe(customer, Order{Customer: customer, Product: product, Cents: cents}, noon.Add(after))
	}
	pipe("c-1", "p-1", 100, 0)
	pipe("c-1", "p-2", 250, 59*time.Second)
	pipe("c-1", "p-1", 0, 59*time.Second) // not paid
	pipe("c-2", "p-1", 40, 61*time.Second)
	pipe("c-1", "p-1", 5, 30*time.Second) // out of order, within grace
	totals := testkit.Output(d, PerMinute)
	require.Empty(t, totals.Read(), "the minute is not over")
	pipe("c-2", "p-2", 1, 70*time.Second)
	minute := noon.UnixMilli()
	got := totals.Read()
	require.Len(t, got, 1)
	require.Equal(t, fmt.Sprintf("c-1@%d", minute), got[0].Key)
	require.Equal(t, Total{Customer: "c-1", Minute: minute, Orders: 3, Cents: 355}, got[0].Value)
	pipe("c-1", "p-1", 9, 10*time.Second) // too late for its minute, not for its product
	require.Empty(t, totals.Read())
	require.Equal(t, int64(1), d.Dropped()["late"])
	require.Equal(t, map[string]ProductTotal{
		"p-1": {Product: "p-1", Orders: 4, Cents: 154},
		"p-2": {Product: "p-2", Orders: 2, Cents: 251},
	}, testkit.Latest(testkit.Output(d, PerProduct)))
}

// someOrders are orders in which nothing is late, however they are partitioned, or with late ones.
func someOrders(late bool) []orderRecord {
	var records []orderRecord
	o := options{orders: 3000, customers: 40}
	random := rand.New(rand.NewPCG(11, 0))
	start := time.UnixMilli(1_700_000_000_000)
	for i := range o.orders {
		at := start.Add(time.Duration(i) * 100 * time.Millisecond)
		r := newOrder(random, o, i, at)
		if !late {
			r.Timestamp = at.UnixMilli()
		}
		records = append(records, r)
	}
	return records
}

type results struct {
	minutes  map[string]Total
	products map[string]ProductTotal
}

// throughDriver is the last update of each key of both topics, and the records of the input by partition.
func throughDriver(t *testing.T, records []orderRecord, partitions int32) (results, [][]orderRecord) {
	d := newDriver(t, testkit.Partitions(partitions), testkit.CommitEvery(100))
	in := testkit.Input(d, Orders)
	byPartition := make([][]orderRecord, partitions)
	for _, r := range records {
		p := testkit.PartitionOf(d, Orders, r.Key)
		byPartition[p] = append(byPartition[p], r)
		in.PipeRecord(r)
	}
	d.Commit()
	got := testkit.Output(d, PerMinute).Read()
	minutes := map[string]Total{}
	for _, r := range got {
		require.NotContains(t, minutes, r.Key, "a final total came twice")
		minutes[r.Key] = r.Value
	}
	return results{minutes, testkit.Latest(testkit.Output(d, PerProduct))}, byPartition
}

// openMinutes are the minutes that no partition can have closed: totals of them may or may not have come, by partition
// count.
func closedEverywhere(minutes map[string]Total, last int64) map[string]Total {
	closed := maps.Clone(minutes)
	maps.DeleteFunc(closed, func(_ string, t Total) bool { return t.Minute+minuteMs > last-3*minuteMs })
	return closed
}

// TestPartitionsDoNotMatterWhereNothingIsLate: 1, 4 and 7 partitions give the same, and so does the application on a
// broker.
func TestPartitionsDoNotMatterWhereNothingIsLate(t *testing.T) {
	records := someOrders(false)
	last := records[len(records)-1].Timestamp
	want, _ := throughDriver(t, records, 1)
	require.NotEmpty(t, closedEverywhere(want.minutes, last))
	for _, partitions := range []int32{4, 7} {
		got, _ := throughDriver(t, records, partitions)
		require.Equal(t, closedEverywhere(want.minutes, last), closedEverywhere(got.minutes, last))
		require.Equal(t, want.products, got.products)
	}
	onBroker := throughBroker(t, records)
	require.Equal(t, closedEverywhere(want.minutes, last), closedEverywhere(onBroker.minutes, last))
	require.Equal(t, want.products, onBroker.products)
}

// TestLateOrders: with late orders the results depend on the order in each partition, and equal a recomputation in that
// order.
func TestLateOrders(t *testing.T) {
	records := someOrders(true)
	for _, partitions := range []int32{1, 4, 7} {
		got, input := throughDriver(t, records, partitions)
		want := compute(input)
		require.NotZero(t, want.late)
		require.Equal(t, want.minutes, got.minutes)
		require.Equal(t, want.products, got.products)
	}
}

// throughBroker runs the application on a broker within the process.
func throughBroker(t *testing.T, records []orderRecord) results {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx := t.Context()
	b, err := open(ctx, options{partitions: 4})
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, broker.Produce(ctx, b, Orders, records...))
	require.NoError(t, runApp(ctx, b, options{runFor: 200 * time.Millisecond, workers: 2, guarantee: "eos", mode: "all"}))
	require.NoError(t, verify(ctx, b))

	out := results{map[string]Total{}, map[string]ProductTotal{}}
	readLatest(t, b, PerMinute, out.minutes)
	readLatest(t, b, PerProduct, out.products)
	return out
}

func readLatest[V any](t *testing.T, b *broker.Broker, topic streams.Topic[string, V], into map[string]V) {
	records, err := broker.Read(t.Context(), b, topic)
	require.NoError(t, err)
	for _, r := range records {
		into[r.Key] = r.Value
	}
}

// TestVerifyFindsDifferences: a check that cannot fail would prove nothing.
func TestVerifyFindsDifferences(t *testing.T) {
	slog.SetLogLoggerLevel(slog.LevelError)
	_, input := throughDriver(t, someOrders(true), 2)
	want := compute(input)
	require.NotEmpty(t, want.compareMinutes(nil), "missing totals")
	require.NotEmpty(t, want.compareProducts(nil), "missing products")
	var key string
	for key = range want.minutes {
		break
	}
	record := streams.Record[string, Total]{Key: key, Value: want.minutes[key]}
	once := len(want.compareMinutes([]streams.Record[string, Total]{record}))
	twice := want.compareMinutes([]streams.Record[string, Total]{record, record})
	require.Len(t, twice, once+1, "a total that comes twice")
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-guarantee", "maybe"}, {"-mode", "run"}, {"-partitions", "0"}, {"-workers", "0"}, {"-orders", "-1"},
		{"-serve", "-kill", "1s"}, {"-serve", "-mode", "verify", "-brokers", "localhost:9092"},
	} {
		_, err := parse(args)
		require.Error(t, err, args)
	}
}
