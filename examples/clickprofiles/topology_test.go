package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func TestVisits(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.Partitions(3))
	clicks, profiles, visits := testkit.Input(d, Clicks), testkit.Input(d, Profiles), testkit.Output(d, Visits)
	at := time.UnixMilli(1_700_000_000_000)

	clicks.Pipe("u-1", Click{Page: "home"}, at)
	require.Equal(t, map[string]Visit{"u-1": {"home", "someone", "unknown"}}, testkit.Latest(visits), "no profile yet")

	profiles.Pipe("u-1", Profile{Name: "Ann", Country: "Peru"}, at)
	require.Empty(t, visits.Read(), "a profile alone is no visit")

	clicks.Pipe("u-1", Click{Page: "offers"}, at)
	d.LoseState()
	clicks.Pipe("u-1", Click{Page: "basket"}, at)
	got := visits.Read()
	require.Equal(t, Visit{"offers", "Ann", "Peru"}, got[0].Value)
	require.Equal(t, Visit{"basket", "Ann", "Peru"}, got[1].Value)

	profiles.PipeRecord(profile{Key: "u-1", NullValue: true})
	clicks.Pipe("u-1", Click{Page: "exit"}, at)
	require.Equal(t, map[string]Visit{"u-1": {"exit", "someone", "unknown"}}, testkit.Latest(visits), "it is gone")
}

func TestTopicsNeedTheSamePartitions(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	_, err = testkit.NewDriver(topo, testkit.PartitionsOf(Clicks.Name(), 4), testkit.PartitionsOf(Profiles.Name(), 3))
	var mismatch *streams.CopartitionError
	require.ErrorAs(t, err, &mismatch)
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
