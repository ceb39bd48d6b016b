// Package docs holds the fragments of the pages in docs, so that they compile and run.
package docs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

type Order struct {
	Cents int64 `json:"cents"`
}

type Customer struct {
	Region string `json:"region"`
}

var (
	Orders    = streams.NewTopic("orders", serde.String, serde.JSON[Order]())
	Customers = streams.NewTopic("customers", serde.String, serde.JSON[Customer]())
	Counts    = streams.NewTopic("counts", serde.String, serde.Int64)

	CustomerRows = state.NewKeyValue("customers", serde.String, serde.JSON[Customer]())
	PerHour      = state.NewWindow("per-hour", serde.String, serde.Int64)
	ByRegion     = streams.NewRepartition("by-region", serde.String, serde.String)
)

func regions() (*streams.Topology, error) {
	b := streams.NewBuilder("regions")
	customers := streams.TableFrom(b, Customers, CustomerRows)
	region := streams.Join(streams.From(b, Orders), customers,
		func(_ Order, c Customer) string { return c.Region })
	perHour := streams.GroupBy(region, func(region string) string { return region }, ByRegion).
		WindowedBy(window.Tumbling(time.Hour).Grace(5 * time.Minute)).
		Count(PerHour)
	perHour.Final().ByKey().To(Counts)
	return b.Build()
}

func TestRegions(t *testing.T) {
	topo, err := regions()
	require.NoError(t, err)
	at := time.UnixMilli(1_700_000_000_000)

	d := testkit.New(t, topo, testkit.Partitions(4), testkit.CommitEvery(10))
	testkit.Input(d, Customers).Pipe("c-7", Customer{Region: "north"}, at)
	d.Commit()
	testkit.Input(d, Orders).Pipe("c-7", Order{Cents: 1250}, at)
	d.Crash(testkit.BeforeCommit)
	testkit.Input(d, Orders).Pipe("c-7", Order{Cents: 1}, at.Add(2*time.Hour))
	d.Commit()
	got := testkit.Output(d, Counts).Read()
	require.Equal(t, []streams.Record[string, int64]{{Key: "north", Value: 1, Timestamp: at.UnixMilli()}}, got)
}

var (
	OpenOrders = state.NewKeyValue("open-orders", serde.String, serde.JSON[Order]())
	Reminders  = streams.NewTopic("reminders", serde.String, serde.String)
)

type Reminder struct {
	open state.KeyValueStore[string, Order]
}

func (p *Reminder) Init(ctx *streams.Context[string, string]) error {
	p.open = OpenOrders.In(ctx)
	ctx.Schedule(time.Minute, streams.StreamTime, func(now int64) error { return p.remind(ctx, now) })
	return nil
}

func (p *Reminder) Process(_ *streams.Context[string, string], r streams.Record[string, Order]) error {
	return p.open.Put(r.Key, r.Value, r.Timestamp)
}

func (p *Reminder) remind(ctx *streams.Context[string, string], now int64) error {
	for row, err := range p.open.All() {
		if err != nil {
			return err
		}
		if err := p.open.Delete(row.Key, now); err != nil {
			return err
		}
		if err := ctx.Forward(streams.NewRecord(row.Key, "open", now)); err != nil {
			return err
		}
	}
	return nil
}

func TestReminder(t *testing.T) {
	b := streams.NewBuilder("reminders")
	streams.Process(streams.From(b, Orders), func() streams.Processor[string, Order, string, string] {
		return &Reminder{}
	}, OpenOrders).To(Reminders)
	topo, err := b.Build()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	orders := testkit.Input(d, Orders)
	orders.Pipe("a", Order{}, time.UnixMilli(1)) // the first record fires
	orders.Pipe("b", Order{}, time.UnixMilli(2))
	orders.Pipe("c", Order{}, time.UnixMilli(60_000))
	var keys []string
	for _, r := range testkit.Output(d, Reminders).Read() {
		keys = append(keys, r.Key)
	}
	require.Equal(t, []string{"a", "b", "c"}, keys)
}
