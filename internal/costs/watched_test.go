package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	metrics "github.com/millstream-go/millstream/streams/metrics/prometheus"
)

const (
	watchedRecords    = 2_000_000
	watchedWarm       = watchedRecords / 5
	watchedPartitions = 4
)

// watchers are what an application is watched by. Who asks lives in the same process: its processor time counts, too.
var watchers = []struct {
	name  string
	watch func(ctx context.Context, tb testing.TB, url string)
}{
	{"nobody", nil},
	{"metrics", scrape},
	{"page", openPage},
	{"queries", query},
}

// BenchmarkWatched reads a topic of a real Kafka from its start and counts by key, exactly once, while nobody watches,
// while metrics of all levels are scraped each second, while the page is open, and while queries come in over HTTP, at
// most 500 a second. A round is each of them once, in turn. Figures are the medians of ratios to the run of the same
// round that nobody watched: of records a second, and of processor time a record.
func BenchmarkWatched(b *testing.B) {
	brokers := kafkatest.Start(b).Addrs
	topic := kafkatest.Topic(b, brokers, "in", watchedPartitions, nil)
	fillWatched(b, brokers, topic)
	runWatched(b, brokers, topic, nil) // brokers and their page cache are warm then
	rates, costs := make([][]float64, len(watchers)), make([][]float64, len(watchers))
	b.ResetTimer()
	for round := range b.N {
		rate, cost := make([]float64, len(watchers)), make([]float64, len(watchers))
		for i := range watchers {
			n := (i + round) % len(watchers)
			rate[n], cost[n] = runWatched(b, brokers, topic, watchers[n].watch)
		}
		b.Logf("records/s %.0f, ns/record %.0f", rate, cost)
		for n := range watchers {
			rates[n], costs[n] = append(rates[n], rate[n]/rate[0]), append(costs[n], cost[n]/cost[0])
		}
	}
	for n, w := range watchers[1:] {
		b.ReportMetric(median(rates[n+1]), w.name+"-rate")
		b.ReportMetric(median(costs[n+1]), w.name+"-cpu")
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func fillWatched(b *testing.B, brokers []string, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	require.NoError(b, err)
	defer client.Close()
	value := make([]byte, 100)
	for n := range watchedRecords {
		r := &kgo.Record{Key: binary.BigEndian.AppendUint64(nil, uint64(n%keys)), Value: value}
		client.Produce(b.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	require.NoError(b, client.Flush(b.Context()))
	require.False(b, b.Failed())
}

// runWatched gives records a second, and nanoseconds of processor time a record.
func runWatched(
	b *testing.B, brokers []string, topic string, watch func(context.Context, testing.TB, string),
) (rate, cost float64) {
	var seen atomic.Int64
	warm, done := make(chan struct{}), make(chan struct{})
	builder := streams.NewBuilder(kafkatest.Name("watched"))
	streams.From(builder, streams.NewTopic(topic, serde.Int64, serde.Bytes)).
		Peek(func(streams.Record[int64, []byte]) {
			switch seen.Add(1) {
			case watchedWarm:
				close(warm)
			case watchedRecords:
				close(done)
			}
		}).GroupByKey().Count(state.NewKeyValue("counts", serde.Int64, serde.Int64))
	topo, err := builder.Build()
	require.NoError(b, err)
	app, err := streams.New(topo, streams.Config{
		Brokers: brokers, StateDir: b.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var all sync.WaitGroup
	server := httptest.NewServer(watchedHandler(app))
	defer server.Close()
	if watch != nil {
		all.Go(func() { watch(ctx, b, server.URL) })
	}
	all.Go(func() {
		if err := app.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	<-warm
	began, before, answers := time.Now(), processTime(b), watchedAnswers.Load()
	<-done
	took, used := time.Since(began), processTime(b)-before
	if watch != nil {
		b.Logf("%.0f requests a second", float64(watchedAnswers.Load()-answers)/took.Seconds())
	}
	cancel()
	all.Wait()
	require.False(b, b.Failed())
	n := float64(watchedRecords - watchedWarm)
	return n / took.Seconds(), float64(used.Nanoseconds()) / n
}

func watchedHandler(app *streams.App) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(app, streams.StoreLevel))
	mux := http.NewServeMux()
	mux.Handle("/", inspect.Handler(app, inspect.Options{ShowRecords: true}))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// processTime is the user and system time of the process.
func processTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// scrape asks for all metrics each second.
func scrape(ctx context.Context, tb testing.TB, url string) {
	each(ctx, time.Second, func(int) { fetch(ctx, tb, url+"/metrics", http.StatusOK) })
}

// openPage asks for the page, and then reads what changes.
func openPage(ctx context.Context, tb testing.TB, url string) {
	fetch(ctx, tb, url+"/", http.StatusOK)
	fetch(ctx, tb, url+"/live", http.StatusOK)
}

// query asks for counts, at most 500 a second, by five goroutines.
func query(ctx context.Context, tb testing.TB, url string) {
	var all sync.WaitGroup
	for n := range 5 {
		all.Go(func() {
			each(ctx, 10*time.Millisecond, func(i int) {
				fetch(ctx, tb, fmt.Sprintf("%s/stores/counts?key=%d", url, (5*i+n)%keys),
					http.StatusOK, http.StatusServiceUnavailable)
			})
		})
	}
	all.Wait()
}

// each calls a function with the numbers from 0 until ctx ends.
func each(ctx context.Context, every time.Duration, do func(i int)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		do(i)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// fetch reads an answer to its end.
func fetch(ctx context.Context, tb testing.TB, url string, want ...int) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		tb.Error(err)
		return
	}
	resp, err := watchedClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		watchedAnswers.Add(1)
	}
	switch {
	case ctx.Err() != nil: // the run is over
	case err != nil:
		tb.Error(err)
	case !slices.Contains(want, resp.StatusCode):
		tb.Errorf("%s: status %d", url, resp.StatusCode)
	}
}

var watchedAnswers atomic.Int64 // of all runs

var watchedClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
