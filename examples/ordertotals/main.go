// Command ordertotals is the main job of Millstream: order totals per customer and minute, final, exactly once, and a
// running total per product.
//
// Without flags it needs nothing installed: it starts a broker within the process, produces orders, runs the job, shows
// the totals, and compares them with totals that it computes from the input topic. The exit status is 1 if they differ.
//
//	go run ./examples/ordertotals
//	go run ./examples/ordertotals -brokers localhost:9092 -orders 1000000
//
// With -mode the parts run by themselves, so that several processes can share a cluster, each on a state directory of
// its own:
//
//	ordertotals -mode produce -brokers ... -orders 100000
//	ordertotals -mode run     -brokers ... -state-dir a
//	ordertotals -mode run     -brokers ... -state-dir b -run-for 5s
//	ordertotals -mode verify  -brokers ...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// options are the command line.
type options struct {
	brokers    string
	mode       string
	orders     int
	rate       int
	customers  int
	partitions int
	workers    int
	stateDir   string
	guarantee  string
	runFor     time.Duration
	seed       uint64
	verbose    bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("ordertotals", flag.ContinueOnError)
	f.StringVar(&o.brokers, "brokers", "", "addresses of a Kafka cluster, comma-separated; none: a broker within the process")
	f.StringVar(&o.mode, "mode", "all", "all, produce, run or verify")
	f.IntVar(&o.orders, "orders", 50_000, "orders to produce")
	f.IntVar(&o.rate, "rate", 0, "orders a second, in event time too; 0: as fast as can be, over five minutes that end now")
	f.IntVar(&o.customers, "customers", 500, "number of customers")
	f.IntVar(&o.partitions, "partitions", 4, "partitions of the topics, where they do not exist yet")
	f.IntVar(&o.workers, "workers", 1, "workers of the application")
	f.StringVar(&o.stateDir, "state-dir", "", "directory for local state; none: a temporary one")
	f.StringVar(&o.guarantee, "guarantee", "eos", "eos (exactly once) or alos (at least once)")
	f.DurationVar(&o.runFor, "run-for", 0, "mode run: end when the lag of the group has been zero for so long; 0: run until interrupted")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the orders")
	f.BoolVar(&o.verbose, "v", false, "log what the library does")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case o.guarantee != "eos" && o.guarantee != "alos":
		return o, fmt.Errorf("-guarantee %s: use eos or alos", o.guarantee)
	case o.mode != "all" && o.brokers == "":
		return o, fmt.Errorf("-mode %s needs -brokers: the broker within the process ends with it", o.mode)
	case o.partitions < 1 || o.orders < 0 || o.workers < 1 || o.customers < 1:
		return o, errors.New("-partitions, -workers and -customers must be 1 or more, -orders 0 or more")
	}
	return o, nil
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "ordertotals:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	cluster, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer cluster.close()
	switch o.mode {
	case "all":
		return all(ctx, o, cluster)
	case "produce":
		return produce(ctx, o, cluster)
	case "run":
		return runApp(ctx, o, cluster)
	case "verify":
		return verify(ctx, cluster)
	}
	return fmt.Errorf("-mode %s: use all, produce, run or verify", o.mode)
}

// all produces, runs the application until it has caught up, and verifies.
func all(ctx context.Context, o options, c *cluster) error {
	if err := produce(ctx, o, c); err != nil {
		return err
	}
	if o.runFor == 0 {
		o.runFor = 300 * time.Millisecond
	}
	show, stop := context.WithCancel(ctx)
	shown := make(chan error, 1)
	// Started here, owns its client and the terminal, ended by stop below.
	go func() { shown <- showTotals(show, c) }()
	err := runApp(ctx, o, c)
	stop()
	if err := errors.Join(err, <-shown); err != nil {
		return err
	}
	return verify(ctx, c)
}

// runApp runs the application until it is interrupted, or has caught up for as long as -run-for says.
func runApp(ctx context.Context, o options, c *cluster) error {
	topo, err := build()
	if err != nil {
		return err
	}
	config, cleanUp, err := config(o, c)
	if err != nil {
		return err
	}
	defer cleanUp()
	a, err := streams.New(topo, config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waited := make(chan error, 1)
	// Started here, watches the group, ends the application, and ends with ctx.
	go func() {
		err := error(nil)
		if o.runFor > 0 {
			err = c.waitCaughtUp(ctx, o.runFor)
			cancel()
		}
		waited <- err
	}()
	err = a.Run(ctx)
	cancel()
	if waitErr := <-waited; !errors.Is(waitErr, context.Canceled) {
		err = errors.Join(err, waitErr)
	}
	return err
}

func config(o options, c *cluster) (config streams.Config, cleanUp func(), err error) {
	cleanUp = func() {}
	dir := o.stateDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ordertotals-"); err != nil {
			return config, cleanUp, err
		}
		cleanUp = func() { os.RemoveAll(dir) }
	}
	level := slog.LevelWarn
	if o.verbose || o.mode == "run" {
		level = slog.LevelInfo
	}
	config = streams.Config{
		Brokers: c.brokers, StateDir: dir, Workers: o.workers,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	if o.guarantee == "alos" {
		config.Guarantee = streams.AtLeastOnce
		config.CommitInterval = time.Second
	}
	return config, cleanUp, nil
}

func addresses(brokers string) []string { return strings.Split(brokers, ",") }
