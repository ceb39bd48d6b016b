package connect_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
)

// values are what metrics of connectors show, by metric and connector.
func values(s streams.Snapshot) map[string]float64 {
	out := map[string]float64{}
	for _, m := range streams.Metrics() {
		if len(m.Attributes) == 1 && m.Attributes[0] == "connector" {
			m.Read(s, func(value float64, attributes ...string) { out[m.Name+" "+attributes[0]] = value })
		}
	}
	return out
}

// TestConnectorsAreShown with the App beside which they run: what they have written, and what they wait for.
func TestConnectorsAreShown(t *testing.T) {
	b, tab := fresh(t, 2), newTable()
	var away atomic.Bool
	away.Store(true)
	w := tab.writer()
	w.before = func([]batch) error {
		if away.Load() {
			return errors.New("the database is away")
		}
		return nil
	}
	sink := runner(t, w, config(b, "table"))
	source, err := connect.NewSource(in, &counters{end: 20, draw: rand.New(rand.NewPCG(1, 0))}, sourceConfig(b))
	require.NoError(t, err)
	builder := streams.NewBuilder("beside")
	streams.From(builder, in).To(streams.NewTopic("out", in.Key(), in.Value()))
	topo, err := builder.Build()
	require.NoError(t, err)
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		Connectors: []streams.Connector{sink, source},
	})
	require.NoError(t, err)
	before := app.Snapshot().Connectors
	require.Equal(t, streams.ConnectorStatus{Name: "table", Kind: "sink", Topic: "in", Lag: -1}, before[0])
	require.Equal(t, streams.ConnectorStatus{Name: "counters", Kind: "source", Topic: "in", Lag: -1}, before[1])

	until := func(ready func(sink, source streams.ConnectorStatus) bool) streams.Snapshot {
		for {
			s := app.Snapshot()
			if ready(s.Connectors[0], s.Connectors[1]) {
				return s
			}
			require.NoError(t, t.Context().Err())
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	// Ends with ctx.
	go func() { ended <- source.Run(ctx) }()
	until(func(_, source streams.ConnectorStatus) bool { return source.Records == 60 && source.Retries > 0 })
	stop := start(t, sink)
	s := until(func(sink, source streams.ConnectorStatus) bool {
		return sink.Waiting != "" && sink.Retries > 2 && source.Waiting == ""
	})
	require.Contains(t, s.Connectors[0].Waiting, "the database is away")
	require.Positive(t, s.Connectors[0].Lag)
	require.True(t, s.Connectors[0].Running && s.Connectors[1].Running)
	got := values(s)
	require.Equal(t, 60.0, got["millstream.connector.records counters"])
	require.Equal(t, 0.0, got["millstream.connector.records table"])
	require.Positive(t, got["millstream.connector.wait.age table"])
	require.Equal(t, 0.0, got["millstream.connector.wait.age counters"])
	require.Positive(t, got["millstream.connector.retries counters"], "its reader fails at times")

	away.Store(false)
	s = until(func(sink, _ streams.ConnectorStatus) bool { return sink.Records == 60 && sink.Waiting == "" })
	require.LessOrEqual(t, s.Connectors[0].Lag, int64(2*20), "markers of transactions")
	require.Zero(t, values(s)["millstream.connector.wait.age table"])
	cancel()
	require.NoError(t, errors.Join(stop(), <-ended))
	s = app.Snapshot()
	require.False(t, s.Connectors[0].Running || s.Connectors[1].Running)
	require.Empty(t, s.Connectors[0].Waiting)
}

// TestAConnectorThatHasEndedTellsWhy.
func TestAConnectorThatHasEndedTellsWhy(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	w := tab.writer()
	w.open = func() error { return &connect.SetupError{What: "table totals", Err: errors.New("there is none")} }
	sink := runner(t, w, config(b, "table"))
	require.Error(t, sink.Run(t.Context()))
	got := sink.ConnectorStatus()
	require.False(t, got.Running)
	require.Contains(t, got.Waiting, "table totals")
	require.False(t, got.WaitingSince.IsZero())
}

// TestAWaitIsNotHiddenByWhatWorks: of two processes one leaves, and what it had cannot be claimed, while the other goes on
// writing what it has.
func TestAWaitIsNotHiddenByWhatWorks(t *testing.T) {
	b, tab := fresh(t, 2), newTable()
	w := tab.writer()
	var away atomic.Bool
	w.claim = func() error {
		if away.Load() {
			return errors.New("no claims")
		}
		return nil
	}
	stay := runner(t, w, config(b, "table"))
	stop := start(t, stay)
	leaves := start(t, runner(t, tab.writer(), config(b, "table")))
	for n := 0; len(stay.Status().Next) != 1; n += 10 { // each has a partition
		produce(t, b, numbers(n, 10)...)
		require.NoError(t, t.Context().Err())
		time.Sleep(time.Millisecond)
	}
	away.Store(true)
	require.NoError(t, leaves())
	for stay.Status().Waiting == nil {
		require.NoError(t, t.Context().Err())
		time.Sleep(time.Millisecond)
	}
	since, written := stay.Status().WaitingFrom, stay.Status().Written
	for n := 0; stay.Status().Written < written+20; n += 10 {
		produce(t, b, numbers(n, 10)...)
		require.ErrorContains(t, stay.Status().Waiting, "no claims")
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, since, stay.Status().WaitingFrom)
	away.Store(false)
	for stay.Status().Waiting != nil {
		require.NoError(t, t.Context().Err())
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, stop())
}

// TestConnectorsHaveNamesOfTheirOwn, as metrics and pages tell them apart by these.
func TestConnectorsHaveNamesOfTheirOwn(t *testing.T) {
	b := fresh(t, 1)
	builder := streams.NewBuilder("beside")
	streams.From(builder, in).To(streams.NewTopic("out", in.Key(), in.Value()))
	topo, err := builder.Build()
	require.NoError(t, err)
	one, two := runner(t, newTable().writer(), config(b, "same")), runner(t, newTable().writer(), config(b, "same"))
	_, err = streams.New(topo, streams.Config{Brokers: b.Addrs(), Connectors: []streams.Connector{one, two}})
	require.ErrorContains(t, err, `Connectors has two with the name "same"`)
	var none *connect.Runner[string, int64]
	_, err = streams.New(topo, streams.Config{Brokers: b.Addrs(), Connectors: []streams.Connector{one, nil, none}})
	require.ErrorContains(t, err, "Connectors has nil at 1")
	require.ErrorContains(t, err, "Connectors has nil at 2")
}
