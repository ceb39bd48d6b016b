package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// transfers is a driver, a function that sends the transfer of an id at a minute, and one that reads the ids that came
// out since the last call.
func transfers(t *testing.T, opts ...testkit.Option) (_ *testkit.Driver, send func(int, string), read func() []string) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, opts...)
	out := testkit.Output(d, Once)
	send = func(minute int, id string) {
		testkit.Input(d, Sent).Pipe("acc", Transfer{ID: id}, noon.Add(time.Duration(minute)*time.Minute))
	}
	return d, send, func() (ids []string) {
		for _, r := range out.Read() {
			ids = append(ids, r.Value.ID)
		}
		return ids
	}
}

func TestRepetitionsAreDropped(t *testing.T) {
	_, send, read := transfers(t)
	send(0, "a")
	send(0, "b")
	send(0, "a")
	send(60, "a")
	require.Equal(t, []string{"a", "b"}, read())
	send(61, "a")
	require.Equal(t, []string{"a"}, read(), "an hour and a minute after the one that passed")
}

func TestRepetitionsOutOfOrder(t *testing.T) {
	d, send, read := transfers(t)
	send(100, "a")
	send(40, "a") // an hour before
	send(40, "b")
	require.Equal(t, []string{"a", "b"}, read())
	send(39, "c")
	require.Empty(t, read())
	require.Equal(t, int64(1), d.Dropped()["late"], "what c repeats may be forgotten")
}

func TestStoreForgets(t *testing.T) {
	d, send, _ := transfers(t)
	send(0, "a")
	send(1000, "b")
	rows := testkit.WindowRows(d, Seen)
	require.Len(t, rows, 1)
	require.Equal(t, "b", rows[0].Key)
}

// TestOnceAcrossCrashes: the store and the output are committed together, so a repetition is one whatever happens
// between.
func TestOnceAcrossCrashes(t *testing.T) {
	for _, at := range []testkit.CrashPoint{testkit.BeforeCommit, testkit.DuringCommit, testkit.AfterCommit} {
		d, send, read := transfers(t, testkit.CommitEvery(10))
		send(0, "a")
		d.Crash(at)
		send(1, "a")
		d.LoseState()
		send(2, "a")
		d.Commit()
		require.Equal(t, []string{"a"}, read())
	}
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
