package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }

func newDriver(t *testing.T, opts ...testkit.Option) *testkit.Driver {
	topo, err := Build()
	require.NoError(t, err)
	return testkit.New(t, topo, opts...)
}

func TestPaidOrders(t *testing.T) {
	d := newDriver(t, testkit.Partitions(3))
	orders, payments, outcomes := testkit.Input(d, Orders), testkit.Input(d, Payments), testkit.Output(d, Outcomes)
	orders.Pipe("o-1", Order{"ann", 500}, at(0))
	require.Empty(t, outcomes.Read())
	payments.Pipe("o-1", Payment{"card", 500}, at(60))
	require.Equal(t, map[string]Outcome{"o-1": {"ann", 500, "card", 500}}, testkit.Latest(outcomes))
	payments.Pipe("o-2", Payment{"cash", 70}, at(59))
	orders.Pipe("o-2", Order{"bob", 70}, at(60))
	require.Equal(t, Outcome{"bob", 70, "cash", 70}, testkit.Latest(outcomes)["o-2"], "the payment came first")
}

func TestOrdersThatAreNeverPaid(t *testing.T) {
	d := newDriver(t)
	orders, outcomes := testkit.Input(d, Orders), testkit.Output(d, Outcomes)
	orders.Pipe("o-1", Order{"ann", 500}, at(0))
	orders.Pipe("o-2", Order{"bob", 70}, at(65))
	require.Empty(t, outcomes.Read(), "a payment may still come late")
	d.LoseState()
	orders.Pipe("o-3", Order{"cid", 5}, at(66))
	require.Equal(t, map[string]Outcome{"o-1": {"ann", 500, "none", 0}}, testkit.Latest(outcomes))
	testkit.Input(d, Payments).Pipe("o-1", Payment{"card", 500}, at(59))
	require.Empty(t, outcomes.Read(), "what has come out is final")
	require.Equal(t, int64(1), d.Dropped()["late"])
}

func TestOutcomesComeOnceAcrossCrashes(t *testing.T) {
	for _, point := range []testkit.CrashPoint{testkit.BeforeCommit, testkit.DuringCommit, testkit.AfterCommit} {
		d := newDriver(t, testkit.CommitEvery(10))
		testkit.Input(d, Orders).Pipe("o-1", Order{"ann", 500}, at(0))
		testkit.Input(d, Orders).Pipe("o-2", Order{"bob", 70}, at(1))
		d.Crash(point)
		testkit.Input(d, Payments).Pipe("o-2", Payment{"card", 70}, at(2))
		testkit.Input(d, Orders).Pipe("o-3", Order{"cid", 5}, at(90))
		d.Crash(point)
		d.Commit()
		got := testkit.Output(d, Outcomes).Read()
		require.Len(t, got, 2)
		require.Equal(t, Outcome{"bob", 70, "card", 70}, got[0].Value)
		require.Equal(t, Outcome{"ann", 500, "none", 0}, got[1].Value)
	}
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
