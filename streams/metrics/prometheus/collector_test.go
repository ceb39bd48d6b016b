package prometheus_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/metrics/prometheus"
	"github.com/millstream-go/millstream/testkit/broker"
)

var words = streams.NewTopic("words", serde.String, serde.String)

// start runs an application that counts words by key, until stop is called.
func start(t *testing.T, b *broker.Broker) (app *streams.App, stop func()) {
	builder := streams.NewBuilder("counts")
	streams.From(builder, words).GroupByKey().Count(state.NewKeyValue("rows", serde.String, serde.Int64)).
		ToStream().To(streams.NewTopic("out", serde.String, serde.Int64))
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 2))
	app, err = streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		CommitInterval: 20 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	return app, func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

// TestCollectorOfARunningApp: the values are those of what the application has done, under good names.
func TestCollectorOfARunningApp(t *testing.T) {
	b := broker.New(t)
	app, stop := start(t, b)
	defer stop()
	records := make([]streams.Record[string, string], 30)
	for i := range records {
		records[i] = streams.Record[string, string]{Key: string(rune('a' + i%10)), Value: "w", Timestamp: 1000}
	}
	require.NoError(t, broker.Produce(t.Context(), b, words, records...))
	require.Eventually(t, func() bool {
		s := app.Snapshot()
		done := int64(0)
		for _, task := range s.Tasks {
			for _, in := range task.Inputs {
				done += in.Committed
			}
		}
		return done == 30 && s.State == streams.Running && len(s.Tasks) == 2
	}, 30*time.Second, time.Millisecond)

	c := prometheus.New(app, streams.StoreLevel)
	problems, err := testutil.CollectAndLint(c)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(`
# HELP millstream_lag Offsets from where tasks are to the ends of their inputs, in all.
# TYPE millstream_lag gauge
millstream_lag{app="counts"} 0
# HELP millstream_records_total Records that were processed and committed.
# TYPE millstream_records_total counter
millstream_records_total{app="counts"} 30
# HELP millstream_tasks Tasks that run, and that do not yet.
# TYPE millstream_tasks gauge
millstream_tasks{app="counts",status="running"} 2
millstream_tasks{app="counts",status="waiting"} 0
# HELP millstream_task_running 1 for a task that runs, else 0.
# TYPE millstream_task_running gauge
millstream_task_running{app="counts",task="0_0"} 1
millstream_task_running{app="counts",task="0_1"} 1
`), "millstream_lag", "millstream_records_total", "millstream_tasks", "millstream_task_running"))
	cached := 0.0
	for _, m := range gather(t, c)["millstream_store_cached"].GetMetric() {
		cached += m.GetGauge().GetValue()
	}
	require.Equal(t, 10.0, cached)
}

func gather(t *testing.T, c client.Collector) map[string]*dto.MetricFamily {
	r := client.NewPedanticRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName
}

// fixed is an application of which a snapshot was made by hand.
type fixed struct{ s streams.Snapshot }

func (f fixed) Snapshot() streams.Snapshot { return f.s }

// TestLevels: a collector has the metrics of its level and of those before, and each metric of the table has a value in
// a snapshot with one of everything.
func TestLevels(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	app := fixed{streams.Snapshot{
		App: "app", At: at, State: streams.Running, Since: at.Add(-time.Minute),
		Workers: []streams.WorkerStatus{{Total: streams.Commit{Commits: 1, Records: 2, Flush: time.Second}}},
		Tasks: []streams.TaskStatus{{
			Task: "0_0", Running: true, StreamTime: at.Add(-time.Hour), Inputs: []streams.InputStatus{{Topic: "in", Lag: 7}},
			Stores: []streams.StoreStatus{{Store: "sums"}},
		}},
		Restores:   []streams.Restore{{Task: "0_0", Store: "sums", Offset: 3, End: 8}},
		Connectors: []streams.ConnectorStatus{{Name: "sink", Kind: "sink", Running: true, Records: 5, Lag: 6}},
		Commits:    []streams.Commit{{Began: at.Add(-3 * time.Second), Flush: time.Second}},
		Drops:      []streams.Drops{{Step: "sum", Reason: "late", Records: 4}},
		CommitTimes: map[string]streams.Histogram{
			"flush": {Bounds: []float64{.1, 1}, Counts: []uint64{1, 2}, Count: 3, Sum: 5},
		},
	}}
	known := map[string]bool{}
	for level := streams.ClientLevel; level <= streams.StoreLevel; level++ {
		for _, m := range streams.Metrics() {
			if m.Level == level {
				require.False(t, known[prometheus.Name(m)], "%s is there twice", m.Name)
				known[prometheus.Name(m)] = true
			}
		}
		got := slices.Sorted(maps.Keys(gather(t, prometheus.New(app, level))))
		require.Equal(t, slices.Sorted(maps.Keys(known)), got, level)
	}
	families := gather(t, prometheus.New(app, streams.StoreLevel))
	value := func(name string) float64 {
		require.Len(t, families[name].GetMetric(), 1, name)
		m := families[name].GetMetric()[0]
		return m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	require.Equal(t, 60.0, value("millstream_state_age_seconds"))
	require.Equal(t, 2.0, value("millstream_commit_age_seconds"))
	require.Equal(t, 3600.0, value("millstream_stream_time_lag_max_seconds"))
	require.Equal(t, 7.0, value("millstream_lag_max"))
	require.Equal(t, 5.0, value("millstream_restore_remaining"))
	require.Equal(t, 4.0, value("millstream_step_dropped_total"))
}
