// Package readme holds the fragments of the README, so that they compile and run.
package readme

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/window"
)

type Order struct {
	Cents int64 `json:"cents"`
}

var (
	Orders = streams.NewTopic("orders", serde.String, serde.JSON[Order]())
	Totals = streams.NewTopic("totals", serde.String, serde.Int64)
	Sums   = state.NewWindow("sums", serde.String, serde.Int64)
)

func build() (*streams.Topology, error) {
	b := streams.NewBuilder("order-totals")
	minutes := streams.From(b, Orders).GroupByKey().
		WindowedBy(window.Tumbling(time.Minute).Grace(10 * time.Second))
	sums := streams.WindowedAggregate(minutes, Sums,
		func() int64 { return 0 },
		func(_ string, o Order, sum int64) int64 { return sum + o.Cents })
	sums.Final().ByKey().To(Totals)
	return b.Build()
}

func inService(topo *streams.Topology, brokers []string, dir string, interrupt func()) error {
	app, err := streams.New(topo, streams.Config{
		Brokers:  brokers,
		StateDir: dir,
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the process at once
	go interrupt()
	return app.Run(ctx) // until ctx ends: then it commits
}

func TestInService(t *testing.T) {
	topo, err := build()
	require.NoError(t, err)
	b := broker.New(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 4))
	require.NoError(t, inService(topo, b.Addrs(), t.TempDir(), func() {
		syscall.Kill(syscall.Getpid(), syscall.SIGTERM)
	}))
}

func TestOfAnApplication(t *testing.T) {
	topo, err := build()
	require.NoError(t, err)
	ctx, at := t.Context(), time.Now()

	b := broker.New(t)
	require.NoError(t, b.CreateTopicsOf(ctx, topo, 4))
	app, err := streams.New(topo, streams.Config{Brokers: b.Addrs(), StateDir: t.TempDir()})
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- app.Run(running) }()
	order := streams.NewRecord("c-7", Order{Cents: 1250}, at.UnixMilli())
	later := streams.NewRecord("c-7", Order{Cents: 1}, at.Add(2*time.Minute).UnixMilli())
	require.NoError(t, broker.Produce(ctx, b, Orders, order, later))
	require.NoError(t, b.WaitProcessed(ctx, topo))
	got, err := broker.Read(ctx, b, Totals)
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, err)
	require.Equal(t, []streams.Record[string, int64]{{Key: "c-7", Value: 1250, Timestamp: at.UnixMilli()}}, got)
}

func TestInTest(t *testing.T) {
	topo, err := build()
	require.NoError(t, err)
	requireTotals(t, topo)
}

func requireTotals(t *testing.T, topo *streams.Topology) {
	at := time.UnixMilli(1_700_000_000_000)

	d := testkit.New(t, topo, testkit.Partitions(4))
	testkit.Input(d, Orders).Pipe("c-7", Order{Cents: 1250}, at)
	d.Crash(testkit.AfterCommit)
	testkit.Input(d, Orders).Pipe("c-7", Order{Cents: 1}, at.Add(2*time.Minute))
	got := testkit.Output(d, Totals).Read()
	require.Equal(t, []streams.Record[string, int64]{{Key: "c-7", Value: 1250, Timestamp: at.UnixMilli()}}, got)
}
