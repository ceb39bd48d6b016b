// Command service is what a service with state looks like, to be copied: HTTP in front of counts, asked from any of its
// processes; health, metrics and the page; settings from a file or the environment, TLS and SASL included; a stop that
// loses nothing.
//
//	go run ./examples/service                          three processes' worth, with a broker, in one
//	go run ./examples/service -config app.properties   one process on a real Kafka, as in docs/configuration.md
//	SHOP_BOOTSTRAP_SERVERS=kafka:9093 SHOP_STATE_DIR=/state SHOP_SECURITY_PROTOCOL=SASL_SSL ... service -env SHOP_
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// flags are the command line.
type flags struct {
	config, env, listen string
	duration            time.Duration
	verbose             bool
}

// logger writes to standard error: warnings, and if verbose what the library does.
func (f flags) logger() *slog.Logger {
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func main() {
	var f flags
	flag.StringVar(&f.config, "config", "", "properties of the application and its client, see docs/configuration.md")
	flag.StringVar(&f.env, "env", "", "prefix of environment variables with the same settings, as SHOP_")
	flag.StringVar(&f.listen, "listen", "127.0.0.1:8080", "where to serve HTTP")
	flag.DurationVar(&f.duration, "for", 0, "how long to run without a Kafka; 0: until interrupted")
	flag.BoolVar(&f.verbose, "v", false, "show the log of the demonstration")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the process at once
	run := demonstrate
	if f.config != "" || f.env != "" {
		run = serve
	}
	if err := run(ctx, f); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done
	}
}

// serve is one process on a real Kafka.
func serve(ctx context.Context, f flags) error {
	config, err := configOf(f)
	if err != nil {
		return err
	}
	s, err := newService(config, f.listen)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

func configOf(f flags) (streams.Config, error) {
	switch {
	case f.config != "" && f.env != "":
		return streams.Config{}, errors.New("use one of -config and -env")
	case f.env != "":
		return streams.FromEnv(f.env)
	}
	file, err := os.Open(f.config)
	if err != nil {
		return streams.Config{}, err
	}
	defer func() { _ = file.Close() }()
	return streams.FromProperties(file)
}

// demonstrate runs a broker and three processes' worth in one process, and keeps selling.
func demonstrate(ctx context.Context, f flags) (err error) {
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	dir, err := os.MkdirTemp("", "service-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := broker.Start()
	if err != nil {
		return err
	}
	defer b.Close()
	topo, err := Build()
	if err != nil {
		return err
	}
	if err := b.CreateTopicsOf(ctx, topo, 6); err != nil {
		return err
	}
	group, all := errgroup.WithContext(ctx)
	for i := range 3 {
		s, err := newService(streams.Config{
			Brokers: b.Addrs(), StateDir: filepath.Join(dir, fmt.Sprint(i)), Logger: f.logger(),
		}, "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Printf("curl -L http://%s/products/apple      page: http://%[1]s%s/\n", s.listener.Addr(), below)
		group.Go(func() error { return s.run(all) })
	}
	group.Go(func() error { return sell(all, b) })
	return group.Wait()
}

// sell sells until ctx ends.
func sell(ctx context.Context, b *broker.Broker) error {
	products := []string{"apple", "pear", "plum", "quince"}
	for i := 0; ; i++ {
		p := Purchase{Product: products[i%len(products)], Pieces: int64(i%3 + 1)}
		r := streams.NewRecord(fmt.Sprintf("customer-%d", i%100), p, time.Now().UnixMilli())
		if err := broker.Produce(ctx, b, Purchases, r); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}
