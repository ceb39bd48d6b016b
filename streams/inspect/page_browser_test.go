package inspect_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var orders = streams.NewTopic("orders", serde.String, serde.Int64)

// shownTopology has what the page shows: a repartition topic, windows, sessions, versions, and a step that fails.
func shownTopology(t *testing.T) *topology.Topology {
	b := streams.NewBuilder("shop")
	s := streams.From(b, orders)
	checked := streams.MapValues(s, func(n int64) int64 {
		if n == 13 {
			panic("no such order")
		}
		return n
	})
	products := streams.NewRepartition("by-product", serde.String, serde.Int64)
	streams.GroupBy(checked, func(n int64) string { return fmt.Sprint("product-", n%3) }, products).Count(state.NewKeyValue("per-product", serde.String, serde.Int64))
	checked.GroupByKey().WindowedBy(window.Tumbling(time.Minute).Grace(30 * time.Second)).
		Count(state.NewWindow("per-minute", serde.String, serde.Int64).Retain(time.Hour))
	checked.GroupByKey().SessionsBy(window.Sessions(20 * time.Second)).
		Count(state.NewSession("visits", serde.String, serde.Int64))
	checked.ToVersionedTable(state.NewVersioned("history", serde.String, serde.Int64, time.Hour))
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

// startShop starts an application whose step fails for one record, which is left out.
func startShop(t *testing.T, b *broker.Broker, topo *topology.Topology) *httptest.Server {
	var app *streams.App
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inspect.Handler(app, inspect.Options{ShowRecords: true}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: t.TempDir(), CommitInterval: 20 * time.Millisecond, Endpoint: server.URL,
		OnError: streams.Skip, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return server
}

// TestPageInABrowser: a real one shows all parts in both schemes and on a telephone, with and without JavaScript,
// complains of nothing, asks nobody else, and has the bars of windows where they belong.
func TestPageInABrowser(t *testing.T) {
	b, topo := broker.New(t), shownTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 2))
	server := startShop(t, b, topo)
	chromium := newBrowser(t) // ends before the server, which waits for those who watch
	start := time.Date(2025, 11, 29, 17, 0, 0, 0, time.UTC)
	for i := range 40 {
		key := []string{"ann", "bob", "a-customer-with-a-long-name"}[i%3]
		order := streams.NewRecord(key, int64(i), start.Add(time.Duration(i)*7*time.Second).UnixMilli())
		require.NoError(t, broker.Produce(t.Context(), b, orders, order))
	}
	require.Eventually(t, func() bool {
		status, body, _ := get(t, server, "/stores/per-minute?key=ann")
		return status == http.StatusOK && strings.Count(body, `"start"`) == 5
	}, 30*time.Second, 20*time.Millisecond)
	query := "?store=per-minute&key=ann"
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{1200, 380} {
			chromium.open(server.URL+"/"+query, scheme, width, true)
			requireFits(t, chromium, width)
			requireReadable(t, chromium, width)
			chromium.picture(fmt.Sprintf("page-%s-%d", scheme, width))
			chromium.open(server.URL+"/"+query, scheme, width, false)
			chromium.picture(fmt.Sprintf("page-%s-%d-plain", scheme, width))
		}
	}
	chromium.open(server.URL+"/"+query, "light", 1400, true)
	var over int
	chromium.eval(`(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector("#picture"))`, &over)
	require.Zero(t, over, "the picture does not scroll by a hair")
	chromium.open(server.URL+"/"+query, "light", 1200, true)
	requireBars(t, chromium)
	requireParts(t, chromium)
	for _, store := range []string{"visits", "history"} {
		chromium.open(server.URL+"/?store="+store+"&key=ann", "light", 1200, true)
		chromium.picture("page-" + store)
	}
	require.Empty(t, chromium.complaints())
	requests := chromium.requests()
	require.NotEmpty(t, requests)
	for _, url := range requests {
		require.True(t, strings.HasPrefix(url, server.URL+"/") || strings.HasPrefix(url, "data:"), url)
	}
}

// requireFits: nothing but what can be scrolled by itself is wider than the window.
func requireFits(t *testing.T, b *browser, width int) {
	var scroll int
	b.eval("document.documentElement.scrollWidth", &scroll)
	var widest string
	b.eval(fmt.Sprintf(`[...document.querySelectorAll("body *")].filter((e) => !e.parentElement.closest(".wide") &&
		e.getBoundingClientRect().right > %d).map((e) => e.tagName + " " + e.className + e.id).join(", ")`, width), &widest)
	require.LessOrEqual(t, scroll, width, "the page is wider than the window: %s", widest)
}

// requireReadable: on a telephone, the counts of drops and the texts of failures are in sight.
func requireReadable(t *testing.T, b *browser, width int) {
	var hidden []string
	b.eval(fmt.Sprintf(`[...document.querySelectorAll("#drops td, #failures td")].filter(
		(e) => e.getBoundingClientRect().right > %d).map((e) => e.textContent)`, width), &hidden)
	require.Empty(t, hidden)
}

// requireBars: windows of a minute from 17:00 to 17:05, of which the last ends behind stream time, and is open.
func requireBars(t *testing.T, b *browser) {
	type bar struct{ X, Width float64 }
	var bars []bar
	b.eval(`[...document.querySelectorAll("#bars rect.open, #bars rect.closed")].map(
		(r) => ({X: r.x.baseVal.value, Width: r.width.baseVal.value}))`, &bars)
	require.Len(t, bars, 5)
	for i := 1; i < len(bars); i++ {
		require.InDelta(t, bars[0].Width, bars[i].Width, 0.2, "a minute is a minute")
		require.InDelta(t, bars[i-1].X+bars[i-1].Width, bars[i].X, 0.2, "one begins where the other ends")
	}
	var open, closed int
	b.eval(`document.querySelectorAll("#bars rect.open").length`, &open)
	b.eval(`document.querySelectorAll("#bars rect.closed").length`, &closed)
	var now float64
	b.eval(`document.querySelector("#bars line.now").x1.baseVal.value`, &now)
	require.Equal(t, 5, open+closed)
	require.Positive(t, open)
	require.Positive(t, closed)
	last := bars[4]
	require.Greater(t, now, last.X)
	require.Less(t, now, last.X+last.Width)
}

// requireParts: the failure with its test, the events, the process, and the picture with rates.
func requireParts(t *testing.T, b *browser) {
	var failure, href, events, peers string
	b.eval(`document.querySelector("#failures tr:nth-child(2)").textContent`, &failure)
	require.Contains(t, failure, "no such order")
	b.eval(`document.querySelector("#failures a").getAttribute("href")`, &href)
	require.Regexp(t, `^\./failures/orders/\d/\d+$`, href)
	b.eval(`document.querySelector("#events").textContent`, &events)
	require.Contains(t, events, "running, was restoring")
	b.eval(`document.querySelector("#peers").textContent`, &peers)
	require.Contains(t, peers, "(this one)")
	var rates int
	require.Eventually(t, func() bool {
		b.eval(`[...document.querySelectorAll("#picture .mark")].filter((m) => m.textContent.endsWith("/s")).length`, &rates)
		return rates > 0
	}, 30*time.Second, 50*time.Millisecond, "rates come with the second look")
}
