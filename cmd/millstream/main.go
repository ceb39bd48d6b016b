// Command millstream looks at applications from outside: how far they are behind, what a deployment would do to their
// state, what lies in their changelogs; and sets one back to begin anew. It asks the cluster only, so that it also
// serves for applications that do not run.
//
//	go run github.com/millstream-go/millstream/cmd/millstream --help
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
)

// commands are the command line.
type commands struct {
	Cluster cluster `embed:""`
	Format  string  `enum:"text,json" default:"text" help:"Of what is printed: text or json."`

	Lag       lagCmd       `cmd:"" help:"How far an application is behind, by partition."`
	Members   membersCmd   `cmd:"" help:"The workers of an application, and which partitions they have."`
	Topics    topicsCmd    `cmd:"" help:"The internal topics of an application, and those that belong to nothing."`
	Changelog changelogCmd `cmd:"" help:"The records of a changelog, decoded."`
	Tasks     tasksCmd     `cmd:"" help:"The tasks of an application that runs, the worst first: asks its endpoint."`
	Top       topCmd       `cmd:"" help:"The same while it runs, again and again."`
	Stores    storesCmd    `cmd:"" help:"What the stores of an application that runs hold: asks its endpoint."`
	ACL       aclCmd       `cmd:"" name:"acl" help:"The rights that an application needs, as commands of kafka-acls."`
	Verify    verifyCmd    `cmd:"" help:"Whether topics fit an application: partitions, retention, and what is left over."`
	Diff      diffCmd      `cmd:"" help:"What a deployment would do to the state: compares two lock files."`
	Rescale   rescaleCmd   `cmd:"" help:"More partitions of the inputs: takes the state of an application along."`
	State     stateCmd     `cmd:"" help:"The committed state of an application as files, and back."`
	Reset     resetCmd     `cmd:"" help:"Sets an application back: it begins anew, or from another place of its inputs."`
}

// The exit codes beside 0.
const (
	failed   = 1 // something could not be done
	misused  = 2 // the command line is wrong
	declined = 3 // what was asked for would do harm, or would find some: see what is printed
)

// declinedError is the error of what would do harm.
type declinedError struct{ reason string }

func (e *declinedError) Error() string { return e.reason }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes a command line, and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var c commands
	ended := -1
	parser, err := kong.New(&c, kong.Name("millstream"), kong.Writers(out, errs), kong.UsageOnError(),
		kong.Description("Looks at applications of Millstream, and sets them back."),
		kong.Exit(func(code int) { ended = code }))
	if err != nil {
		fmt.Fprintln(errs, "millstream:", err)
		return failed
	}
	command, err := parser.Parse(args)
	if ended >= 0 { // --help
		return ended
	}
	if err != nil {
		fmt.Fprintln(errs, "millstream:", err)
		return misused
	}
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run(&c.Cluster, &printer{out: out, errs: errs, json: c.Format == "json"})
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "millstream:", err)
	var harm *declinedError
	if errors.As(err, &harm) {
		return declined
	}
	return failed
}
