package main

import (
	"context"
	"fmt"
	"regexp"

	"github.com/millstream-go/millstream/streams"
)

// aclCmd tells which rights an application needs.
type aclCmd struct {
	Topology    string `arg:"" type:"existingfile" help:"The topology, as Topology.JSON or api/v1/topology tell it."`
	Principal   string `required:"" help:"Who gets the rights, as User:orders."`
	DeadLetter  string `help:"Config.DeadLetterTopic."`
	AtLeastOnce bool   `help:"Config.Guarantee is AtLeastOnce: no transactions."`
	Server      string `default:"localhost:9092" help:"Where kafka-acls finds a broker."`
}

// rightRow is a right.
type rightRow struct {
	Operation string `json:"operation"`
	Resource  string `json:"resource"`
	Name      string `json:"name"`
	Prefixed  bool   `json:"prefixed,omitempty"`
	Command   string `json:"command"`
}

// Run prints a command for each right: the same ones as App.Rights tells.
func (c *aclCmd) Run(_ context.Context, p *printer) error {
	d, err := readDescribed(c.Topology)
	if err != nil {
		return err
	}
	var rows []rightRow
	for _, r := range c.rights(d) {
		command := fmt.Sprintf("kafka-acls --bootstrap-server %s --add --allow-principal '%s' %v", c.Server, c.Principal, r)
		rows = append(rows, rightRow{r.Operation, r.Resource, r.Name, r.Prefixed, command})
		p.line("%s", command)
	}
	if p.json {
		return p.value(rows)
	}
	return nil
}

func (c *aclCmd) rights(d described) (out []streams.Right) {
	topic := func(name string, operations ...string) {
		for _, o := range operations {
			out = append(out, streams.Right{Operation: o, Resource: "topic", Name: name})
		}
	}
	for _, name := range d.topics("source") {
		topic(name, "Read")
	}
	sinks := d.topics("sink")
	if c.DeadLetter != "" {
		sinks = append(sinks, c.DeadLetter)
	}
	for _, name := range sinks {
		topic(name, "Write")
	}
	for operation, kind := range map[string]string{"Read": "source", "Write": "sink"} {
		for _, text := range d.patterns(kind) {
			r := streams.Right{Operation: operation, Resource: "topic", Name: "*"}
			if pattern, err := regexp.Compile(text); err == nil {
				if prefix, _ := pattern.LiteralPrefix(); prefix != "" {
					r.Name, r.Prefixed = prefix, true
				}
			}
			out = append(out, r)
		}
	}
	for _, name := range d.topics("repartition") {
		topic(name, "Create", "DescribeConfigs", "Read", "Write", "Delete")
	}
	for _, s := range d.Stores {
		if s.Changelog != "" {
			topic(s.Changelog, "Create", "DescribeConfigs", "Read", "Write")
		}
	}
	out = append(out, streams.Right{Operation: "Read", Resource: "group", Name: d.App})
	if !c.AtLeastOnce {
		out = append(out, streams.Right{Operation: "Write", Resource: "transactional-id", Name: d.App + "-", Prefixed: true})
	}
	return out
}
