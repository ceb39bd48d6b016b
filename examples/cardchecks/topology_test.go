package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}

// TestVerdictsLeaveInOrder: the test answers the second payment first.
func TestVerdictsLeaveInOrder(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.HoldCalls())
	in, out := testkit.Input(d, Payments), testkit.Output(d, Checked)
	in.Pipe("ann", Payment{ID: 1, Card: "card-1"}, time.UnixMilli(1))
	in.Pipe("bob", Payment{ID: 2, Card: "card-0"}, time.UnixMilli(2))
	d.Calls()[1].Make()
	require.Empty(t, out.Read())
	d.Calls()[0].Make()
	require.Equal(t, []streams.Record[string, Verdict]{
		{Key: "ann", Value: Verdict{Payment: 1, OK: true}, Timestamp: 1},
		{Key: "bob", Value: Verdict{Payment: 2}, Timestamp: 2},
	}, out.Read())
}
