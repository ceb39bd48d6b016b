package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

var at = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newDriver(t *testing.T, opts ...testkit.Option) *testkit.Driver {
	topo, err := Build()
	require.NoError(t, err)
	return testkit.New(t, topo, opts...)
}

// TestCatalogue: the tables may have different numbers of partitions.
func TestCatalogue(t *testing.T) {
	d := newDriver(t, testkit.PartitionsOf(Albums.Name(), 3), testkit.PartitionsOf(Artists.Name(), 2))
	albums, artists, catalogue := testkit.Input(d, Albums), testkit.Input(d, Artists), testkit.Output(d, Catalogue)
	albums.Pipe("1", Album{"Grist", "a-1"}, at)
	albums.Pipe("2", Album{"Chaff", "a-1"}, at)
	require.Equal(t, map[string]Entry{"1": {"Grist", "unknown"}, "2": {"Chaff", "unknown"}}, testkit.Latest(catalogue))
	artists.Pipe("a-1", Artist{"The Millers"}, at)
	require.Equal(t, map[string]Entry{"1": {"Grist", "The Millers"}, "2": {"Chaff", "The Millers"}},
		testkit.Latest(catalogue), "an artist changes all of its albums")
	albums.Pipe("1", Album{"Grist", ""}, at)
	require.Equal(t, map[string]Entry{"1": {"Grist", "various artists"}}, testkit.Latest(catalogue))
	artists.Pipe("a-1", Artist{"The Mullers"}, at)
	require.Equal(t, map[string]Entry{"2": {"Chaff", "The Mullers"}}, testkit.Latest(catalogue),
		"an album that names the artist no more does not change")
	albums.PipeRecord(deleted[Album](0, "2"))
	require.True(t, catalogue.Read()[0].NullValue)
}

func TestJoinSurvives(t *testing.T) {
	d := newDriver(t, testkit.Partitions(3))
	albums, artists := testkit.Input(d, Albums), testkit.Input(d, Artists)
	for i, crash := range []testkit.CrashPoint{testkit.BeforeCommit, testkit.DuringCommit, testkit.AfterCommit} {
		albums.Pipe(string(rune('1'+i)), Album{"Grist", "a-1"}, at)
		d.Crash(crash)
	}
	d.LoseState()
	artists.Pipe("a-1", Artist{"The Millers"}, at)
	want := Entry{"Grist", "The Millers"}
	require.Equal(t, map[string]Entry{"1": want, "2": want, "3": want}, testkit.Latest(testkit.Output(d, Catalogue)))
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
