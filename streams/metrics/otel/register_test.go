package otel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/metrics/otel"
)

// fixed is an application of which a snapshot was made by hand.
type fixed struct{ s streams.Snapshot }

func (f fixed) Snapshot() streams.Snapshot { return f.s }

// TestEachMetricOfTheTable: under its name, with its kind, unit and attributes, up to the level.
func TestEachMetricOfTheTable(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	app := fixed{streams.Snapshot{
		App: "app", At: at, State: streams.Running, Since: at.Add(-time.Minute),
		Workers: []streams.WorkerStatus{{Total: streams.Commit{Commits: 1, Records: 2, Flush: time.Second}}},
		Tasks: []streams.TaskStatus{{
			Task: "0_0", Running: true, StreamTime: at.Add(-time.Hour),
			Inputs: []streams.InputStatus{{Topic: "in", Partition: 3, Lag: 7}},
			Stores: []streams.StoreStatus{{Store: "sums"}},
		}},
		Restores:   []streams.Restore{{Task: "0_0", Store: "sums", Offset: 3, End: 8}},
		Connectors: []streams.ConnectorStatus{{Name: "sink", Kind: "sink", Running: true, Records: 5, Lag: 6}},
		Commits:    []streams.Commit{{Began: at.Add(-3 * time.Second), Flush: time.Second}},
		Drops:      []streams.Drops{{Step: "sum", Reason: "late", Records: 4}},
	}}
	for level := streams.ClientLevel; level <= streams.StoreLevel; level++ {
		reader := metric.NewManualReader()
		provider := metric.NewMeterProvider(metric.WithReader(reader))
		registration, err := otel.Register(provider.Meter("millstream"), app, level)
		require.NoError(t, err)
		got := collect(t, reader)
		for _, m := range streams.Metrics() {
			if m.Kind == streams.MetricHistogram {
				continue
			}
			one, there := got[m.Name]
			require.Equal(t, m.Level <= level, there, m.Name)
			if there {
				require.Equal(t, m.Unit, one.Unit)
			}
		}
		require.NoError(t, registration.Unregister())
		require.Empty(t, collect(t, reader), "nothing is observed any more")
		if level < streams.TaskLevel {
			continue
		}
		lag := got["millstream.task.lag"].Data.(metricdata.Gauge[float64]).DataPoints
		require.Len(t, lag, 1)
		require.Equal(t, 7.0, lag[0].Value)
		require.Equal(t, attribute.NewSet(attribute.String("app", "app"), attribute.String("task", "0_0"),
			attribute.String("topic", "in"), attribute.String("partition", "3")), lag[0].Attributes)
		records := got["millstream.records"].Data.(metricdata.Sum[float64])
		require.True(t, records.IsMonotonic)
		require.Equal(t, 2.0, records.DataPoints[0].Value)
	}
}

func collect(t *testing.T, reader *metric.ManualReader) map[string]metricdata.Metrics {
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}
