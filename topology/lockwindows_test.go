package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// inWindows counts in by windows, in a store that keeps them for a year whatever they are: no change of retention.
func inWindows(w window.Windows) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.From(b, in).GroupByKey().WindowedBy(w).Count(hours.Retain(9000 * time.Hour))
	}
}

func inSessions(gap, grace time.Duration) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		store := state.NewSession("sessions", serde.String, serde.Int64).Retain(9000 * time.Hour)
		streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(gap).Grace(grace)).Count(store)
	}
}

func joined(w window.Join) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		stores := state.NewJoin("pairs", serde.String, serde.String, serde.String)
		streams.JoinStreams(streams.From(b, in), streams.From(b, other), w, stores,
			func(l, r string) string { return l + r }).To(in2())
	}
}

func zone(t *testing.T, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// worst is what is told of a store, as the worst severity, and all texts.
func worst(changes []topology.LockChange) (severity topology.Severity, texts string) {
	severity = -1
	for _, c := range changes {
		severity, texts = max(severity, c.Severity), texts+c.String()+"\n"
	}
	return severity, texts
}

// TestWindowsAreLocked: rows of windows are told apart by their starts, so that each setting that decides where windows
// begin and end must fail, both ways.
func TestWindowsAreLocked(t *testing.T) {
	berlin, oslo := zone(t, "Europe/Berlin"), zone(t, "Europe/Oslo")
	at := time.UnixMilli(1000)
	for name, c := range map[string]struct{ before, after func(b *streams.Builder) }{
		"size": {inWindows(window.Tumbling(time.Hour)), inWindows(window.Tumbling(2 * time.Hour))},
		"size of hops": {
			inWindows(window.Hopping(time.Hour, time.Minute)), inWindows(window.Hopping(2*time.Hour, time.Minute)),
		},
		"advance": {
			inWindows(window.Hopping(time.Hour, time.Minute)), inWindows(window.Hopping(time.Hour, 5*time.Minute)),
		},
		"tumbling to hopping":  {inWindows(window.Tumbling(time.Hour)), inWindows(window.Hopping(time.Hour, time.Minute))},
		"tumbling to sliding":  {inWindows(window.Tumbling(time.Hour)), inWindows(window.Sliding(time.Hour))},
		"tumbling to calendar": {inWindows(window.Tumbling(24 * time.Hour)), inWindows(window.Days(time.UTC))},
		"difference":           {inWindows(window.Sliding(time.Hour)), inWindows(window.Sliding(2 * time.Hour))},
		"unit":                 {inWindows(window.Days(berlin)), inWindows(window.Months(berlin))},
		"zone":                 {inWindows(window.Days(berlin)), inWindows(window.Days(oslo))},
		"fixed zone of one name": {
			inWindows(window.Days(time.FixedZone("here", 3600))), inWindows(window.Days(time.FixedZone("here", 7200))),
		},
		"first day":   {inWindows(window.Weeks(berlin, time.Monday)), inWindows(window.Weeks(berlin, time.Sunday))},
		"start":       {inWindows(window.Unlimited(at)), inWindows(window.Unlimited(at.Add(time.Second)))},
		"gap":         {inSessions(time.Minute, 0), inSessions(2*time.Minute, 0)},
		"join":        {joined(window.Between(time.Hour, 0)), joined(window.Between(0, time.Hour))},
		"join, wider": {joined(window.Within(time.Minute)), joined(window.Within(time.Hour))},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := compile(t, c.before).Lock(), compile(t, c.after).Lock()
			for _, got := range [][]topology.LockChange{before.Compare(after), after.Compare(before)} {
				severity, texts := worst(got)
				require.Equal(t, breaks, severity, texts)
				require.Contains(t, texts, "results come out for windows that never were")
			}
			require.Empty(t, before.Compare(compile(t, c.before).Lock()))
		})
	}
}

// TestGraceIsLocked: a longer one opens windows again that have closed, a shorter one does nothing to rows.
func TestGraceIsLocked(t *testing.T) {
	for name, of := range map[string]func(grace time.Duration) func(b *streams.Builder){
		"tumbling": func(d time.Duration) func(b *streams.Builder) { return inWindows(window.Tumbling(time.Hour).Grace(d)) },
		"sliding":  func(d time.Duration) func(b *streams.Builder) { return inWindows(window.Sliding(time.Hour).Grace(d)) },
		"days":     func(d time.Duration) func(b *streams.Builder) { return inWindows(window.Days(time.UTC).Grace(d)) },
		"sessions": func(d time.Duration) func(b *streams.Builder) { return inSessions(time.Minute, d) },
	} {
		t.Run(name, func(t *testing.T) {
			short, long := compile(t, of(time.Second)).Lock(), compile(t, of(time.Minute)).Lock()
			severity, texts := worst(short.Compare(long))
			require.Equal(t, breaks, severity)
			require.Contains(t, texts, "grace period of 1m0s in place of 1s: windows that have closed")
			severity, texts = worst(long.Compare(short))
			require.Equal(t, notes, severity, texts)
		})
	}
}

func TestTimeToLiveIsLocked(t *testing.T) {
	lock := func(d time.Duration) topology.Lock {
		return compile(t, func(b *streams.Builder) { streams.TableFrom(b, other, rows.TTL(d)) }).Lock()
	}
	never := compile(t, func(b *streams.Builder) { streams.TableFrom(b, other, rows) }).Lock()
	for _, c := range []struct {
		before, after topology.Lock
		want          topology.Severity
		text          string
	}{
		{lock(time.Hour), lock(time.Minute), breaks, "live for 1m0s in place of 1h0m0s: older ones are deleted"},
		{never, lock(time.Hour), breaks, "live for 1h0m0s in place of ever"},
		{lock(time.Minute), lock(time.Hour), notes, "live for 1h0m0s in place of 1m0s"},
		{lock(time.Minute), never, notes, "live for ever in place of 1m0s"},
	} {
		severity, texts := worst(c.before.Compare(c.after))
		require.Equal(t, c.want, severity, texts)
		require.Contains(t, texts, c.text)
	}
}

func TestHistoryIsLocked(t *testing.T) {
	lock := func(d time.Duration) topology.Lock {
		return compile(t, func(b *streams.Builder) {
			streams.VersionedTableFrom(b, other, state.NewVersioned("rows", serde.String, serde.String, d))
		}).Lock()
	}
	severity, texts := worst(lock(time.Hour).Compare(lock(time.Minute)))
	require.Equal(t, breaks, severity, texts)
	severity, texts = worst(lock(time.Minute).Compare(lock(time.Hour)))
	require.Equal(t, notes, severity, texts)
}

// TestOldLockFiles do not record windows and types: what they do record is compared, and one note says to write them anew.
func TestOldLockFiles(t *testing.T) {
	now := compile(t, countHours(hours)).Lock()
	old, err := topology.ParseLock([]byte(`{"app": "app", "stores": [{"name": "hours", "kind": "window",
		"format": "window(string,int64)", "changelog": "app-hours-changelog", "retentionMs": 3600000, "subTopology": 0,
		"inputs": ["in"]}], "repartitions": [],
		"sources": [{"name": "in", "key": "string", "value": "string", "reset": "earliest"}]}`))
	require.NoError(t, err)
	got := old.Compare(now)
	require.Len(t, got, 1, "%v", got)
	require.Equal(t, notes, got[0].Severity)
	require.Contains(t, got[0].Text, "write it anew")
	old.Stores[0].Name = "days"
	severity, texts := worst(old.Compare(now))
	require.Equal(t, breaks, severity, texts)
	require.True(t, strings.HasPrefix(texts, "lock file of"), texts)
}
