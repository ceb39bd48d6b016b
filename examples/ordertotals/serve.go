package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// defaultRate is how many orders a second come in with -serve, unless -rate says.
const defaultRate = 200

// watched runs the application with orders that come in without end, and serves its page, until it is interrupted.
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
	if o.orders = math.MaxInt; o.rate == 0 {
		o.rate = defaultRate
	}
	return withApp(ctx, b, o, func(ctx context.Context, app *streams.App) error {
		handler := inspect.Handler(app, inspect.Options{ShowRecords: true})
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		served := make(chan error, 1)
		// Started here, ended by Close below.
		go func() { served <- server.Serve(listener) }()
		fmt.Printf("the application's page is at http://%s/ until it is interrupted\n", listener.Addr())
		err := demo.RunUntil(ctx, app, func(ctx context.Context) error {
			return produce(ctx, b, o, newOrderClock(o), nil)
		})
		err = errors.Join(err, server.Close())
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	})
}
