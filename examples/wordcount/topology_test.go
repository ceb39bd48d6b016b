package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

func TestWordsOfAllPartitionsAreCountedInOnePlace(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.Partitions(4))
	lines := testkit.Input(d, Lines)
	at := time.UnixMilli(1_700_000_000_000)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		lines.Pipe(key, "Round and round, and "+key, at)
	}
	require.Equal(t, map[string]int64{"round": 10, "and": 10, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1},
		testkit.Latest(testkit.Output(d, Counts)))
}

func TestCountsSurviveACrash(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	for _, at := range []testkit.CrashPoint{testkit.BeforeCommit, testkit.DuringCommit, testkit.AfterCommit} {
		d := testkit.New(t, topo, testkit.CommitEvery(2))
		lines := testkit.Input(d, Lines)
		lines.Pipe("k", "tick", time.UnixMilli(1))
		d.Crash(at)
		lines.Pipe("k", "tick", time.UnixMilli(2))
		d.Commit()
		count, ok := testkit.Get(d, Words, "tick")
		require.True(t, ok)
		require.Equal(t, int64(2), count)
	}
}

func TestSplit(t *testing.T) {
	require.Equal(t, []string{"it", "s", "çava", "no"}, split("It's Çava -- NO 42!"))
	require.Empty(t, split(" ... "))
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
