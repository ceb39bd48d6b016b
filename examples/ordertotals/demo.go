package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// all is the demonstration: orders come in while the application runs and its results are shown; then these are
// verified.
func all(ctx context.Context, o options) error {
	fmt.Println(o.introduction())
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := play(ctx, b, o); err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Println("\ninterrupted, so nothing is verified")
		return nil
	}
	if err := verify(ctx, b); err != nil {
		return err
	}
	fmt.Println(o.next())
	return nil
}

// play produces the orders, beside the application, until that has processed them.
func play(ctx context.Context, b *broker.Broker, o options) error {
	topo, err := build()
	if err != nil {
		return err
	}
	board := newBoard(o)
	show, stop := context.WithCancel(ctx)
	defer stop()
	shown := make(chan error, 1)
	// Started here, owns the terminal, ended by stop below.
	go func() { shown <- board.show(show, b) }()
	orders := func(ctx context.Context) error {
		if err := produce(ctx, b, o, newOrderClock(o), board.sent); err != nil {
			return err
		}
		return b.WaitProcessed(ctx, topo)
	}
	if o.kill > 0 {
		err = killed(ctx, b, o, board, orders)
	} else {
		err = withApp(ctx, b, o, func(ctx context.Context, app *streams.App) error {
			return demo.RunUntil(ctx, app, orders)
		})
	}
	stop()
	return errors.Join(err, <-shown)
}

// killed runs the application in processes of its own until done returns: each is killed when its time is over, and the
// next one is started on its state directory. One that ends in another way, killed by hand for example, is followed by
// another, too.
func killed(
	ctx context.Context, b *broker.Broker, o options, board *board, done func(context.Context) error,
) (err error) {
	dir, remove, err := demo.StateDir(o.stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	ctx, cancel := context.WithCancel(ctx)
	waited := make(chan error, 1)
	// Started here, ends the loop below, and ends with ctx.
	go func() {
		defer cancel()
		waited <- done(ctx)
	}()
	for kills := 0; ctx.Err() == nil && err == nil; kills++ {
		err = runProcess(ctx, b, o, dir, func(process int) { board.runs(process, kills) })
	}
	cancel()
	if waitErr := <-waited; !errors.Is(waitErr, context.Canceled) {
		err = errors.Join(err, waitErr)
	}
	return err
}

// runProcess runs the application as a process until that is killed.
func runProcess(ctx context.Context, b *broker.Broker, o options, dir string, started func(process int)) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.kill)
	defer cancel()
	app := exec.CommandContext(ctx, program, "-mode", "run", "-brokers", b.Addrs()[0], "-state-dir", dir,
		"-guarantee", o.guarantee, "-workers", fmt.Sprint(o.workers))
	if o.verbose {
		app.Stderr = os.Stderr
	}
	if err := app.Start(); err != nil {
		return err
	}
	started(app.Process.Pid)
	if err := app.Wait(); app.ProcessState.Exited() && err != nil {
		return fmt.Errorf("the application's process: %w: -v shows its log", err)
	}
	return nil // it was killed, or told to stop
}

func (o options) introduction() string {
	pace := "at once"
	if o.during > 0 {
		pace = fmt.Sprintf("over %v, while the orders' own clock runs %d minutes on", o.during, int(simulated.Minutes()))
	}
	return fmt.Sprintf(`%d orders of %d customers come into topic orders %s.
Each customer's total of a minute comes out once: when the minute is over on the orders' clock and %v more have
passed for those that are out of order. A product's total comes out with each order. In the end all totals are compared
with those that a plain loop computes from the input topic.
`, o.orders, o.customers, pace, grace)
}

func (o options) next() string {
	if o.kill > 0 {
		return `
next: kill the processes by hand, too, on a Kafka: go run ./examples/ordertotals -h, and examples/ordertotals/main.go`
	}
	return `
next: kill it and start it again, again and again, while orders come in; its totals stay right:
      go run ./examples/ordertotals -kill 3s
      what it does: examples/ordertotals/topology.go; how to run it in several processes, on a Kafka: -h`
}
