package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

func ask(url string) (status int, body string) {
	resp, err := http.Get(url) //nolint:gosec,noctx // of this test; redirects are followed
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// TestAnyProcessAnswers: three processes share the products, each answers for all of them, and one that stops leaves
// its products to the others.
func TestAnyProcessAnswers(t *testing.T) {
	b := broker.New(t)
	topo, err := Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 6))
	var urls []string
	var stops []func() error
	for range 3 {
		s, err := newService(streams.Config{
			Brokers: b.Addrs(), StateDir: t.TempDir(), CommitInterval: 20 * time.Millisecond,
			Logger: slog.New(slog.DiscardHandler),
		}, "127.0.0.1:0")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx) }() // ends with ctx
		stop := func() error { cancel(); return <-ended }
		urls, stops = append(urls, "http://"+s.listener.Addr().String()), append(stops, stop)
	}
	for i := range 60 {
		p := Purchase{Product: fmt.Sprint("product-", i%20), Pieces: int64(i%20 + 1)}
		require.NoError(t, broker.Produce(t.Context(), b, Purchases, streams.NewRecord(fmt.Sprint(i), p, int64(i))))
	}
	requireAll := func(urls []string) {
		for _, url := range urls {
			for i := range 20 {
				var got answer
				require.Eventually(t, func() bool {
					status, body := ask(url + fmt.Sprintf("/products/product-%d", i))
					return status == http.StatusOK && json.Unmarshal([]byte(body), &got) == nil && got.Sold == int64(3*(i+1))
				}, time.Minute, 10*time.Millisecond, "%+v", got)
			}
		}
	}
	requireAll(urls)
	requireServed(t, urls[0])
	watching, err := http.Get(urls[0] + "/millstream/live") //nolint:gosec,noctx // of this test
	require.NoError(t, err)
	require.NoError(t, stops[0](), "who watches the page does not keep the process")
	require.NoError(t, watching.Body.Close())
	status, _ := ask(urls[0] + "/livez")
	require.Zero(t, status, "the port is closed")
	requireAll(urls[1:])
	require.NoError(t, stops[1]())
	require.NoError(t, stops[2]())
}

// requireServed: all that a process serves beside its own.
func requireServed(t *testing.T, url string) {
	for path, text := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/metrics": "millstream_records_total", "/millstream/": "<h1>sold-products</h1>",
	} {
		require.Eventually(t, func() bool {
			status, body := ask(url + path)
			return status == http.StatusOK && len(body) > 0 && strings.Contains(body, text)
		}, time.Minute, 10*time.Millisecond, path)
	}
	status, _ := ask(url + "/products/nothing")
	require.Equal(t, http.StatusNotFound, status)
}

// TestSettingsComeFromOutside: a file or the environment, with TLS and SASL; both are a mistake.
func TestSettingsComeFromOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.properties")
	require.NoError(t, os.WriteFile(path, []byte("bootstrap.servers=kafka:9093\nstate.dir=/state\n"+
		"security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=shop\nsasl.password=secret\n"), 0o600))
	config, err := configOf(flags{config: path})
	require.NoError(t, err)
	require.Equal(t, []string{"kafka:9093"}, config.Brokers)
	require.Len(t, config.Kafka, 2, "TLS and SASL")
	t.Setenv("SHOP_BOOTSTRAP_SERVERS", "one:9092,two:9092")
	config, err = configOf(flags{env: "SHOP_"})
	require.NoError(t, err)
	require.Len(t, config.Brokers, 2)
	_, err = configOf(flags{config: path, env: "SHOP_"})
	require.ErrorContains(t, err, "use one of")
}

// TestAddressForTheOthers: a process that listens everywhere must say where it is.
func TestAddressForTheOthers(t *testing.T) {
	_, err := newService(streams.Config{StateDir: t.TempDir()}, ":0")
	require.ErrorContains(t, err, "set application.server, as http://host:")
	s, err := newService(streams.Config{StateDir: t.TempDir(), Endpoint: "http://one:8080/millstream/"}, ":0")
	require.NoError(t, err)
	require.NoError(t, s.listener.Close())
}

// TestDemonstration: the command without flags.
func TestDemonstration(t *testing.T) {
	require.NoError(t, demonstrate(t.Context(), flags{duration: 2 * time.Second}))
}
