// Command ordertotals is the main job of Millstream: order totals per customer and minute, final, exactly once, and a
// running total per product.
//
// Without flags it needs nothing installed: it starts a broker within the process, has orders come in for 20 seconds,
// shows the totals as they come out, and compares them with totals that it computes from the input topic. The exit
// status is 1 if they differ.
//
//	go run ./examples/ordertotals
//	go run ./examples/ordertotals -kill 3s
//	go run ./examples/ordertotals -serve
//	go run ./examples/ordertotals -brokers localhost:9092 -orders 1000000 -for 0
//
// With -mode the parts run by themselves, so that several processes can share a cluster, each on a state directory of
// its own. Mode broker is such a cluster, if there is no Kafka:
//
//	ordertotals -mode broker  -brokers localhost:9092
//	ordertotals -mode produce -brokers localhost:9092 -orders 100000 -rate 1000
//	ordertotals -mode run     -brokers localhost:9092 -state-dir a
//	ordertotals -mode run     -brokers localhost:9092 -state-dir b -run-for 5s
//	ordertotals -mode run     -brokers localhost:9092 -state-dir c -serve
//	ordertotals -mode verify  -brokers localhost:9092
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// options are the command line.
type options struct {
	brokers    string
	mode       string
	orders     int
	rate       int
	during     time.Duration
	customers  int
	partitions int
	workers    int
	kill       time.Duration
	stateDir   string
	guarantee  string
	runFor     time.Duration
	serve      bool
	endpoint   string // where the application is asked; empty: nowhere
	seed       uint64
	verbose    bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("ordertotals", flag.ContinueOnError)
	demo.ClusterFlags(f, &o.brokers, &o.partitions, &o.verbose)
	f.StringVar(&o.mode, "mode", "all", "all, produce, run, verify or broker")
	f.IntVar(&o.orders, "orders", 10_000, "orders to produce")
	f.DurationVar(&o.during, "for", 20*time.Second, "mode all: how long orders come in; 0: all at once")
	f.IntVar(&o.rate, "rate", 0, "mode produce: orders a second, in event time too; 0: at once, over five minutes of it")
	f.IntVar(&o.customers, "customers", 500, "number of customers")
	f.IntVar(&o.workers, "workers", 1, "workers of the application")
	f.DurationVar(&o.kill, "kill", 0, "mode all: run the application in a process of its own, which is killed with -9 "+
		"whenever it has run so long, and started again; 0: it is not")
	f.StringVar(&o.stateDir, "state-dir", "", "directory for local state; none: a temporary one")
	f.StringVar(&o.guarantee, "guarantee", "eos", "eos (exactly once) or alos (at least once)")
	f.DurationVar(&o.runFor, "run-for", 0,
		"mode run: end when the lag of the group has been zero for so long; 0: run until interrupted")
	f.BoolVar(&o.serve, "serve", false, "serve the application's page, stores and metrics on a free port of 127.0.0.1, "+
		"until interrupted; mode all: orders come in without end, at -rate; mode run: any process answers for all")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the orders")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	return o, o.check()
}

func (o options) check() error {
	switch {
	case o.guarantee != "eos" && o.guarantee != "alos":
		return fmt.Errorf("-guarantee %s: use eos or alos", o.guarantee)
	case o.mode != "all" && o.brokers == "":
		return fmt.Errorf("-mode %s needs -brokers: the broker within the process ends with it", o.mode)
	case o.serve && (o.mode != "all" && o.mode != "run" || o.kill != 0 || o.runFor != 0):
		return errors.New("-serve is for modes all and run, without -kill and -run-for")
	case o.kill != 0 && o.mode != "all":
		return errors.New("-kill is for mode all")
	case o.partitions < 1 || o.orders < 0 || o.workers < 1 || o.customers < 1:
		return errors.New("-partitions, -workers and -customers must be 1 or more, -orders 0 or more")
	case o.rate < 0 || o.during < 0 || o.runFor < 0 || o.kill < 0:
		return errors.New("-rate, -for, -run-for and -kill must not be negative")
	}
	return nil
}

func main() {
	demo.Command("ordertotals", func(args []string) (func(context.Context) error, error) {
		o, err := parse(args)
		return func(ctx context.Context) error { return run(ctx, o) }, err
	})
}

func run(ctx context.Context, o options) error {
	switch {
	case o.serve:
		return watched(ctx, o)
	case o.mode == "all":
		return all(ctx, o)
	case o.mode == "broker":
		return serve(ctx, o)
	}
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	switch o.mode {
	case "produce":
		return produce(ctx, b, o, newOrderClock(o), nil)
	case "run":
		return runApp(ctx, b, o)
	case "verify":
		return verify(ctx, b)
	}
	return fmt.Errorf("-mode %s: use all, produce, run, verify or broker", o.mode)
}

// runApp runs the application until it is interrupted, or has caught up for as long as -run-for says.
func runApp(ctx context.Context, b *broker.Broker, o options) error {
	return withApp(ctx, b, o, func(ctx context.Context, app *streams.App) error {
		if o.runFor == 0 {
			return app.Run(ctx)
		}
		return demo.RunUntil(ctx, app, func(ctx context.Context) error { return waitCaughtUp(ctx, b, o.runFor) })
	})
}

// withApp makes the application, which is not running yet, on its state directory.
func withApp(
	ctx context.Context, b *broker.Broker, o options, use func(context.Context, *streams.App) error,
) (err error) {
	topo, err := build()
	if err != nil {
		return err
	}
	dir, remove, err := demo.StateDir(o.stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	app, err := streams.New(topo, config(o, b, dir))
	if err != nil {
		return err
	}
	return use(ctx, app)
}

func config(o options, b *broker.Broker, dir string) streams.Config {
	config := streams.Config{
		Brokers: b.Addrs(), StateDir: dir, Workers: o.workers, Logger: demo.Logger(o.verbose || o.mode == "run"),
		Endpoint: o.endpoint,
	}
	if o.guarantee == "alos" {
		config.Guarantee = streams.AtLeastOnce
		config.CommitInterval = time.Second
	}
	return config
}
