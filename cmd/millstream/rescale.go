package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/rescale"
)

// rescaleCmd gives the inputs of an application more partitions, and takes its state along.
type rescaleCmd struct {
	App string `arg:"" help:"Application id."`

	Lock       string        `required:"" type:"existingfile" help:"Lock file of the application."`
	Partitions int32         `help:"Partitions that its inputs are to have."`
	ByKey      []string      `name:"by-key" help:"Stores of processors whose rows have the keys of the records."`
	Undo       bool          `help:"Put the old layout back after a change that was broken off."`
	WorkDir    string        `type:"existingdir" help:"For the rows of one store at a time. Default: that of the system."`
	Wait       time.Duration `default:"60s" help:"How long open transactions are waited for."`
	Execute    bool          `help:"Do it. Without it the command prints what it would do."`
}

// Run plans, and does what is planned if told to. It may take as long as it takes to copy the state twice.
func (c *rescaleCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	lock, err := readLock(c.Lock)
	if err != nil {
		return err
	}
	if lock.App != c.App {
		return &declinedError{fmt.Sprintf("%s is the lock file of %s, not of %s", c.Lock, lock.App, c.App)}
	}
	if c.Partitions <= 0 && !c.Undo {
		return &declinedError{"say how many partitions the inputs are to have: --partitions"}
	}
	opts, err := cl.options()
	if err != nil {
		return err
	}
	_, _, end, err := cl.admin(ctx) // whether a broker answers
	if err != nil {
		return err
	}
	end()
	plan, err := rescale.Run(ctx, rescale.Request{
		Lock: lock, Partitions: c.Partitions, ByKey: c.ByKey, Execute: c.Execute, Undo: c.Undo, WorkDir: c.WorkDir,
		Wait: c.Wait, Say: p.line,
		Connect: func(more ...kgo.Opt) (*kgo.Client, error) {
			return kgo.NewClient(append(opts[:len(opts):len(opts)], more...)...)
		},
	})
	var harm *rescale.DeclinedError
	switch {
	case errors.As(err, &harm):
		return &declinedError{harm.Reason}
	case err != nil && plan != nil:
		return fmt.Errorf("%w: nothing is lost; run the command again to go on, or with --undo", err)
	case err != nil:
		return err
	}
	return c.print(p, plan)
}

// resized is a line of what a change of partitions does.
type resized struct {
	Topic string `json:"topic"`
	From  int32  `json:"from"`
	To    int32  `json:"to"`
	Rows  int64  `json:"rows"`
}

func (r resized) columns() []any { return []any{r.Topic, r.From, r.To, r.Rows} }

func (c *rescaleCmd) print(p *printer, plan *rescale.Plan) error {
	if p.json {
		return p.value(plan)
	}
	var lines []resized
	for _, in := range plan.Inputs {
		lines = append(lines, resized{in.Topic, in.From, in.To, 0})
	}
	for _, t := range plan.Topics {
		lines = append(lines, resized{t.Name, t.From, t.To, t.Rows.Rows})
	}
	if err := table(p, "TOPIC\tFROM\tTO\tROWS", lines); err != nil {
		return err
	}
	for _, note := range plan.Notes {
		p.line("note: %s", note)
	}
	switch plan.Phase {
	case rescale.Done:
		p.line("done: start producers and the application anew")
	case rescale.Undone:
		p.line("undone: the application may be started")
	case rescale.Planned:
		p.line("nothing was changed: --execute does it")
	default:
		p.line("broken off when it was %s: --execute goes on, --execute --undo undoes it", plan.Phase)
	}
	return nil
}
