package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

func newDriver(t *testing.T, opts ...testkit.Option) *testkit.Driver {
	topo, err := Build()
	require.NoError(t, err)
	return testkit.New(t, topo, opts...)
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestAnomaly(t *testing.T) {
	d := newDriver(t, testkit.Partitions(3))
	readings, anomalies := testkit.Input(d, Readings), testkit.Output(d, Anomalies)
	for i := range 10 {
		readings.Pipe("s", 19+2*float64(i%2), noon.Add(time.Duration(i)*time.Second)) // 20, more or less 1
	}
	far := noon.Add(time.Minute)
	readings.Pipe("s", 25, far)
	readings.Pipe("s", 22, far.Add(time.Second))
	readings.Pipe("s", 20, far.Add(grace))
	require.Empty(t, anomalies.Read(), "a late reading may still come")
	readings.Pipe("s", 20, far.Add(grace+time.Second))
	got := anomalies.Read()
	require.Len(t, got, 1)
	require.Equal(t, Anomaly{At: far.UnixMilli(), Value: 25, Mean: 20, Deviation: 1}, got[0].Value)
}

func TestFewReadingsAreNotJudged(t *testing.T) {
	d := newDriver(t)
	readings := testkit.Input(d, Readings)
	for i := range least - 1 {
		readings.Pipe("s", 20, noon.Add(time.Duration(i)*time.Second))
	}
	readings.Pipe("s", 90, noon.Add(time.Minute))
	readings.Pipe("s", 20, noon.Add(time.Hour))
	require.Empty(t, testkit.Output(d, Anomalies).Read())
}

// TestAnomaliesSurvive crashes and loses state in the midst of the example's input.
func TestAnomaliesSurvive(t *testing.T) {
	d := newDriver(t, testkit.Partitions(2), testkit.CommitEvery(50))
	in := testkit.Input(d, Readings)
	for i, r := range readings {
		in.PipeRecord(r)
		switch {
		case i%300 == 200:
			d.Crash(testkit.CrashPoint(i / 300 % 3))
		case i == 500:
			d.LoseState()
		}
	}
	d.Commit()
	got := map[string][]Anomaly{}
	for _, r := range testkit.Output(d, Anomalies).Read() {
		got[r.Key] = append(got[r.Key], r.Value)
	}
	require.Equal(t, expected(readings), got)
}

func TestStats(t *testing.T) {
	values := []float64{3, 1, 4, 1, 5, 9, 2, 6}
	var s Stats
	for i, v := range values {
		s = s.with(v, int64(i))
	}
	mean, deviation := spread(values)
	require.InDelta(t, mean, s.Mean, 1e-9)
	require.InDelta(t, deviation, s.deviation(), 1e-9)
	mean, deviation = spread(values[:7])
	require.InDelta(t, mean, s.withoutLast().Mean, 1e-9)
	require.InDelta(t, deviation, s.withoutLast().deviation(), 1e-9)
	require.Zero(t, Stats{}.with(7, 1).withoutLast())
}

func TestOnBroker(t *testing.T) {
	require.NotEmpty(t, expected(readings))
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
