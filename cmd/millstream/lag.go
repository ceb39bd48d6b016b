package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// lagCmd compares what a group has committed with what is there.
type lagCmd struct {
	App string `arg:"" help:"Application id, or a consumer group."`
}

// partitionLag is a partition that a group has an offset in.
type partitionLag struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"` // as a reader of committed records sees it
	Lag       int64  `json:"lag"`
	// Lost is true if records behind the committed offset have been deleted, or it lies behind the end.
	Lost bool `json:"lost,omitempty"`
}

func (l partitionLag) columns() []any {
	note := ""
	if l.Lost {
		note = "the committed offset is not in the log"
	}
	return []any{l.Topic, l.Partition, l.Committed, l.End, l.Lag, note}
}

// Run prints a line for each partition, and the sum.
func (c *lagCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	lags, err := lagOf(ctx, admin, c.App)
	if err != nil {
		return err
	}
	if len(lags) == 0 {
		return fmt.Errorf("group %s has no committed offsets: is it the application id, and has it run?", c.App)
	}
	total := int64(0)
	for _, l := range lags {
		total += l.Lag
	}
	if err := table(p, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG\t", lags); err != nil {
		return err
	}
	p.line("total %d", total)
	return nil
}

func lagOf(ctx context.Context, admin *kadm.Client, group string) (lags []partitionLag, err error) {
	committed, err := committedBy(ctx, admin, group)
	if err != nil {
		return nil, err
	}
	topics := committed.Offsets().TopicsSet().Topics()
	if len(topics) == 0 {
		return nil, nil // no names would mean all topics
	}
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, o := range committed.Sorted() {
		first, _ := starts.Lookup(o.Topic, o.Partition)
		last, _ := ends.Lookup(o.Topic, o.Partition)
		if err := errors.Join(first.Err, last.Err); err != nil {
			return nil, fmt.Errorf("bounds of %s/%d: %w", o.Topic, o.Partition, err)
		}
		l := partitionLag{Topic: o.Topic, Partition: o.Partition, Committed: o.At, Start: first.Offset, End: last.Offset}
		l.Lag, l.Lost = max(0, l.End-max(l.Committed, l.Start)), l.Committed < l.Start || l.Committed > l.End
		lags = append(lags, l)
	}
	return lags, nil
}

// committedBy are the offsets of a group, none if there is no such group.
func committedBy(ctx context.Context, admin *kadm.Client, group string) (kadm.OffsetResponses, error) {
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("offsets of group %s: %w", group, err)
	}
	return committed, nil
}
