package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// ClusterFlags adds the flags that every example has: where it runs, on how many partitions, and how much it says.
func ClusterFlags(f *flag.FlagSet, brokers *string, partitions *int, verbose *bool) {
	f.StringVar(brokers, "brokers", "", "addresses of a Kafka cluster, comma-separated; none: a broker within the process")
	f.IntVar(partitions, "partitions", 4, "partitions of the topics, where they do not exist yet")
	f.BoolVar(verbose, "v", false, "log what the library does")
}

// Command reads the command line and runs the job that parse makes of it, until that is done or the process is
// interrupted; a second signal ends it at once. The process ends with status 0, with 1 after an error, and with 2 if
// the command line is wrong.
func Command(name string, parse func(args []string) (func(context.Context) error, error)) {
	job, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	if err := job(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
