package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// views is a driver, a function that views a page at a minute, and one that reads the visits that are over since the
// last call.
func views(t *testing.T, opts ...testkit.Option) (_ *testkit.Driver, view func(int, string), read func() []Visit) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, opts...)
	out := testkit.Output(d, Visits)
	view = func(minute int, page string) {
		testkit.Input(d, Views).Pipe("ann", page, noon.Add(time.Duration(minute)*time.Minute))
	}
	return d, view, func() (visits []Visit) {
		for _, r := range out.Read() {
			visits = append(visits, r.Value)
		}
		return visits
	}
}

func TestVisitEndsAfterGapAndGrace(t *testing.T) {
	_, view, read := views(t)
	view(0, "home")
	view(30, paid)
	view(70, "home")
	require.Empty(t, read(), "a late view may still come")
	view(71, "boots")
	require.Equal(t, []Visit{{Start: noon.UnixMilli(), Minutes: 30, Views: 2, Paid: true}}, read())
}

func TestLateViewMakesOneVisitOfTwo(t *testing.T) {
	d, view, read := views(t)
	view(0, "home")
	view(40, paid)
	view(20, "boots")
	d.LoseState()
	view(120, "home")
	require.Equal(t, []Visit{{Start: noon.UnixMilli(), Minutes: 40, Views: 3, Paid: true}}, read())
}

func TestTooLateViewIsCounted(t *testing.T) {
	d, view, read := views(t)
	view(100, "home")
	view(59, "boots")
	view(200, "home")
	require.Equal(t, []Visit{{Start: noon.Add(100 * time.Minute).UnixMilli(), Views: 1}}, read())
	require.Equal(t, int64(1), d.Dropped()["late"])
}

func TestVisitComesOnceAcrossCrashes(t *testing.T) {
	for _, at := range []testkit.CrashPoint{testkit.BeforeCommit, testkit.DuringCommit, testkit.AfterCommit} {
		d, view, read := views(t, testkit.CommitEvery(10))
		view(0, "home")
		d.Crash(at)
		view(100, "home")
		d.Crash(at)
		view(200, "home")
		d.Commit()
		require.Len(t, read(), 2)
	}
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
