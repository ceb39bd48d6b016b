package inspect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

var now = time.UnixMilli(1_700_000_000_000)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// TestWhatIsAliveAndReady: what a start anew cannot mend is alive, and ready is only what runs.
func TestWhatIsAliveAndReady(t *testing.T) {
	worker := func(change func(w *streams.WorkerStatus)) streams.Snapshot {
		w := streams.WorkerStatus{State: streams.Running, Turned: now}
		change(&w)
		return streams.Snapshot{State: streams.Running, Workers: []streams.WorkerStatus{w}}
	}
	state := func(s streams.State) streams.Snapshot { return streams.Snapshot{State: s, Since: ago(time.Hour)} }
	for name, c := range map[string]struct {
		s            streams.Snapshot
		alive, ready bool
		reason       string
	}{
		"created":   {state(streams.Created), true, false, "Run has not been called"},
		"starting":  {state(streams.Starting), true, false, "starting"},
		"joining":   {state(streams.Joining), true, false, "joining"},
		"restoring": {state(streams.Restoring), true, false, "restoring"},
		"stalled":   {state(streams.Stalled), true, false, "stalled"},
		"stopping":  {state(streams.Stopping), true, false, "stopping"},
		"stopped":   {state(streams.Stopped), true, false, "stopped"},
		"failed":    {streams.Snapshot{State: streams.Failed, Error: "boom"}, false, false, "failed: boom"},
		"running":   {worker(func(*streams.WorkerStatus) {}), true, true, ""},
		"a long call": {worker(func(w *streams.WorkerStatus) { w.CodeSince, w.CodeTask = ago(9*time.Minute), "0_1" }),
			true, true, "the code of a step is at work on one call"},
		"an endless call": {worker(func(w *streams.WorkerStatus) { w.CodeSince = ago(10 * time.Minute) }),
			false, true, "the code of a step is at work on one call"},
		"brokers that are gone": {worker(func(w *streams.WorkerStatus) {
			w.Turned, w.Waits = ago(time.Hour), []streams.Wait{{For: "a commit", Since: ago(time.Hour)}}
		}), true, true, "waits for a commit"},
		"nothing happens": {worker(func(w *streams.WorkerStatus) { w.Turned = ago(time.Hour) }),
			false, true, "the worker stands still"},
	} {
		c.s.At = now
		h := HealthOf(c.s, 0)
		require.Equal(t, c.alive, h.Alive, name)
		require.Equal(t, c.ready, h.Ready, name)
		if c.reason == "" {
			require.Empty(t, h.Reasons, name)
			continue
		}
		require.Len(t, h.Reasons, 1, name)
		require.Equal(t, c.reason, h.Reasons[0].Text, name)
		require.Equal(t, !c.alive, h.Reasons[0].Dead, name)
	}
}

// TestReasonsByTask: each task that does not run has one, with what its restores have left.
func TestReasonsByTask(t *testing.T) {
	h := HealthOf(streams.Snapshot{
		At: now, State: streams.Running,
		Tasks:    []streams.TaskStatus{{Task: "0_0", Running: true}, {Task: "0_1", Worker: 2}, {Task: "1_0"}},
		Restores: []streams.Restore{{Task: "0_1", Store: "sums", From: 100, Offset: 300, End: 1000, Took: 2 * time.Second}},
	}, 0)
	require.Equal(t, []Reason{
		{2, "0_1", "restores sums: 700 offsets left, 100 a second", 2 * time.Second, false},
		{0, "1_0", "does not run yet", 0, false},
	}, h.Reasons)
}
