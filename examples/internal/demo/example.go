package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// Example is a topology with an input, and the results that this input must give.
type Example struct {
	Build func() (*streams.Topology, error)
	Input []Input // is in the topics, in this order, before the application starts
	Want  []Want
	// Later is true where results come behind the commit of their input, as those of slow calls do: they are waited for.
	Later bool
}

// Options are the command line of a small example. The zero value, with Partitions, is a broker within the process.
type Options struct {
	Brokers    string // comma-separated
	Partitions int
	Reset      bool // deletes topics and group of an earlier run first
	Verbose    bool
}

// longest is how long an example may take to catch up, on a slow machine too.
const longest = 2 * time.Minute

var errTooLong = errors.New("the application has not caught up with its input")

// Main is the whole of an example's func main.
func (e Example) Main(name string) {
	Command(name, func(args []string) (func(context.Context) error, error) {
		o, err := parse(name, args)
		return func(ctx context.Context) error { return e.Run(ctx, o) }, err
	})
}

func parse(name string, args []string) (o Options, err error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	ClusterFlags(f, &o.Brokers, &o.Partitions, &o.Verbose)
	f.BoolVar(&o.Reset, "reset", false, "delete the example's topics and group of an earlier run first")
	if err = f.Parse(args); err == nil && o.Partitions < 1 {
		err = errors.New("-partitions must be 1 or more")
	}
	return o, err
}

// Run runs the example once. The error says how results differ, or what went wrong on the way there.
func (e Example) Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errTooLong)
	defer cancel()
	topo, err := e.Build()
	if err != nil {
		return err
	}
	b, err := Open(o.Brokers)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := prepare(ctx, b, topo, o); err != nil {
		return err
	}
	for _, input := range e.Input {
		if err := input.send(ctx, b); err != nil {
			return err
		}
	}
	if err := e.runApp(ctx, b, topo, o); err != nil {
		return err
	}
	return e.check(ctx, b)
}

// runApp runs the application until all input has been processed and committed.
func (e Example) runApp(ctx context.Context, b *broker.Broker, topo *streams.Topology, o Options) (err error) {
	dir, remove, err := StateDir("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	app, err := streams.New(topo, streams.Config{Brokers: b.Addrs(), StateDir: dir, Logger: Logger(o.Verbose)})
	if err != nil {
		return err
	}
	return RunUntil(ctx, app, func(ctx context.Context) error {
		if err := b.WaitProcessed(ctx, topo); err != nil || !e.Later {
			return err
		}
		return e.awaitResults(ctx, b)
	})
}

// awaitResults waits until the results are as they must be.
func (e Example) awaitResults(ctx context.Context, b *broker.Broker) error {
	for _, want := range e.Want {
		for {
			_, wrong, err := want.check(ctx, b)
			if err != nil {
				return err
			}
			if len(wrong) == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// check prints the results and compares them.
func (e Example) check(ctx context.Context, b *broker.Broker) error {
	var differences []string
	for _, want := range e.Want {
		results, wrong, err := want.check(ctx, b)
		if err != nil {
			return err
		}
		fmt.Printf("\ntopic %s:\n", want.topic)
		show(results, shownResults)
		for _, d := range wrong {
			differences = append(differences, want.topic+": "+d)
		}
	}
	fmt.Println()
	if err := Differences(differences); err != nil {
		return err
	}
	fmt.Println("verified: the results are those that the input must give")
	return nil
}
