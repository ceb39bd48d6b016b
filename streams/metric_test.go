package streams

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPushedMetrics: brokers get what is of the client level, as sums of integers and gauges.
func TestPushedMetrics(t *testing.T) {
	a := &App{config: Config{AppID: "app"}}
	a.mu.since = time.Now().Add(-time.Hour)
	a.mu.workers = []picture{{sums: WorkerStatus{Total: Commit{Records: 7, Flush: time.Second}}}, {}}
	got := slices.Collect(pushed(a))
	require.Contains(t, got, kgo.Metric{
		Name: "millstream.records", Type: kgo.MetricTypeSum, ValueInt: 7, Attrs: map[string]any{"app": "app"},
	})
	require.Contains(t, got, kgo.Metric{
		Name: "millstream.workers", Type: kgo.MetricTypeGauge, ValueFloat: 2, Attrs: map[string]any{"app": "app"},
	})
	require.Contains(t, got, kgo.Metric{
		Name: "millstream.state", Type: kgo.MetricTypeGauge, ValueFloat: 1,
		Attrs: map[string]any{"app": "app", "state": "created"},
	})
	for _, m := range got {
		require.NotContains(t, m.Name, "worker.", "of another level")
		require.NotEqual(t, "millstream.time", m.Name, "a sum that is no integer")
	}
	for m := range pushed(a) { // a client may stop early
		require.Equal(t, "millstream.state", m.Name)
		break
	}
}

// TestDropsBeginWithNone: an alert sees the first record that is dropped, as the counter of its reason rises from 0.
func TestDropsBeginWithNone(t *testing.T) {
	i := slices.IndexFunc(Metrics(), func(m Metric) bool { return m.Name == "millstream.dropped" })
	read := func(s Snapshot) map[string]float64 {
		got := map[string]float64{}
		Metrics()[i].Read(s, func(value float64, attributes ...string) { got[attributes[0]] += value })
		return got
	}
	require.Equal(t, map[string]float64{
		"late": 0, "null_key": 0, "null_value": 0, "deserialize": 0, "process": 0, "timestamp": 0, "time_jump": 0,
	}, read(Snapshot{}))
	got := read(Snapshot{Drops: []Drops{{Reason: DropProcess, Records: 2}, {Reason: "own", Records: 1}}})
	require.Equal(t, 2.0, got["process"])
	require.Equal(t, 1.0, got["own"])
}
