package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	metrics "github.com/millstream-go/millstream/streams/metrics/prometheus"
	"github.com/millstream-go/millstream/testkit/broker"
)

// defaultRate is how many orders a second come in with -serve, unless -rate says.
const defaultRate = 200

// watched runs the application and serves its page, its stores and its metrics, until it is interrupted. In mode all,
// orders come in without end meanwhile.
func watched(ctx context.Context, o options) (err error) {
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o.endpoint = "http://" + listener.Addr().String()
	return withApp(ctx, b, o, func(ctx context.Context, app *streams.App) error {
		server := &http.Server{Handler: served(app), ReadHeaderTimeout: 10 * time.Second}
		ended := make(chan error, 1)
		// Started here, ended by Close below.
		go func() { ended <- server.Serve(listener) }()
		fmt.Printf("the application's page is at %s/ until it is interrupted\n", o.endpoint)
		err := runServed(ctx, b, o, app)
		err = errors.Join(err, server.Close())
		if failed := <-ended; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	})
}

// runServed runs the application until ctx ends, with orders that come in if nobody else produces them.
func runServed(ctx context.Context, b *broker.Broker, o options, app *streams.App) error {
	if o.mode != "all" {
		return app.Run(ctx)
	}
	if o.orders = math.MaxInt; o.rate == 0 {
		o.rate = defaultRate
	}
	return demo.RunUntil(ctx, app, func(ctx context.Context) error {
		return produce(ctx, b, o, newOrderClock(o), nil)
	})
}

// served is the page at the root, and the metrics of all levels beside it.
func served(app *streams.App) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(app, streams.StoreLevel))
	mux := http.NewServeMux()
	mux.Handle("/", inspect.Handler(app, inspect.Options{ShowRecords: true}))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
