package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/internal/snapshot"
)

// stateCmd brings the committed state of an application into files, and back.
type stateCmd struct {
	Export stateExportCmd `cmd:"" help:"Writes the committed state of an application into files."`
	Import stateImportCmd `cmd:"" help:"Brings an exported state into a cluster in which the application has none."`
}

// ofState are the arguments that both have.
type ofState struct {
	App  string `arg:"" help:"Application id."`
	Dir  string `arg:"" help:"Directory of the files."`
	Lock string `required:"" type:"existingfile" help:"Lock file of the application."`
}

// request asks for something with the state. It may take as long as the state is large.
func (c *ofState) request(ctx context.Context, cl *cluster, p *printer) (r rescale.Request, err error) {
	if r.Lock, err = readLock(c.Lock); err != nil {
		return r, err
	}
	if r.Lock.App != c.App {
		return r, &declinedError{fmt.Sprintf("%s is the lock file of %s, not of %s", c.Lock, r.Lock.App, c.App)}
	}
	opts, err := cl.options()
	if err != nil {
		return r, err
	}
	_, _, end, err := cl.admin(ctx) // whether a broker answers
	if err != nil {
		return r, err
	}
	end()
	r.Say = p.line
	r.Connect = func(more ...kgo.Opt) (*kgo.Client, error) {
		return kgo.NewClient(append(opts[:len(opts):len(opts)], more...)...)
	}
	return r, nil
}

type stateExportCmd struct {
	ofState `embed:""`
}

// Run exports.
func (c *stateExportCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	r, err := c.request(ctx, cl, p)
	if err != nil {
		return err
	}
	head, err := rescale.Export(ctx, r, c.Dir)
	return printState(p, head, err)
}

type stateImportCmd struct {
	ofState `embed:""`
	Inputs  string `enum:"same,start,end" default:"same" help:"Where the inputs go on: ${enum}; same: where they were."`
	Replace bool   `help:"Make internal topics anew that are there already, as after an import that was broken off."`
}

// Run imports.
func (c *stateImportCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	r, err := c.request(ctx, cl, p)
	if err != nil {
		return err
	}
	head, err := rescale.Import(ctx, r, c.Dir, rescale.Place(c.Inputs), c.Replace)
	return printState(p, head, err)
}

// stateTopic is a line of what a state has.
type stateTopic struct {
	Topic      string `json:"topic"`
	Partitions int32  `json:"partitions"`
	Rows       int64  `json:"rows"`
}

func (t stateTopic) columns() []any { return []any{t.Topic, t.Partitions, t.Rows} }

func printState(p *printer, head snapshot.Head, err error) error {
	var harm *rescale.DeclinedError
	if errors.As(err, &harm) {
		return &declinedError{harm.Reason}
	}
	if err != nil {
		return err
	}
	var lines []stateTopic
	for _, t := range head.Topics {
		lines = append(lines, stateTopic{t.Name, t.Partitions, t.Rows})
	}
	return table(p, "TOPIC\tPARTITIONS\tROWS", lines)
}
