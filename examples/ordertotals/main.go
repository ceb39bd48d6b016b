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
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
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
	demo.ClusterFlags(f, &o.brokers, &o.partitions, &o.verbose)
	f.StringVar(&o.mode, "mode", "all", "all, produce, run or verify")
	f.IntVar(&o.orders, "orders", 50_000, "orders to produce")
	f.IntVar(&o.rate, "rate", 0, "orders a second, in event time too; 0: at once, over five minutes that end now")
	f.IntVar(&o.customers, "customers", 500, "number of customers")
	f.IntVar(&o.workers, "workers", 1, "workers of the application")
	f.StringVar(&o.stateDir, "state-dir", "", "directory for local state; none: a temporary one")
	f.StringVar(&o.guarantee, "guarantee", "eos", "eos (exactly once) or alos (at least once)")
	f.DurationVar(&o.runFor, "run-for", 0,
		"mode run: end when the lag of the group has been zero for so long; 0: run until interrupted")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the orders")
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
	demo.Command("ordertotals", func(args []string) (func(context.Context) error, error) {
		o, err := parse(args)
		return func(ctx context.Context) error { return run(ctx, o) }, err
	})
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
func runApp(ctx context.Context, o options, c *cluster) (err error) {
	topo, err := build()
	if err != nil {
		return err
	}
	dir, remove, err := demo.StateDir(o.stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	a, err := streams.New(topo, config(o, c, dir))
	if err != nil {
		return err
	}
	if o.runFor == 0 {
		return a.Run(ctx)
	}
	return demo.RunUntil(ctx, a, func(ctx context.Context) error { return c.waitCaughtUp(ctx, o.runFor) })
}

func config(o options, c *cluster, dir string) streams.Config {
	config := streams.Config{
		Brokers: c.brokers, StateDir: dir, Workers: o.workers, Logger: demo.Logger(o.verbose || o.mode == "run"),
	}
	if o.guarantee == "alos" {
		config.Guarantee = streams.AtLeastOnce
		config.CommitInterval = time.Second
	}
	return config
}
