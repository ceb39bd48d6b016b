package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// runRaw is the limit: a bare client that copies records, with commits of offsets, or transactions, at the interval.
func runRaw(o options, m *meter) error {
	ctx := context.Background()
	admin, from, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	defer admin.Close()
	group := fmt.Sprintf("bench-raw-%d", time.Now().UnixNano())
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(in.Name()), kgo.DisableAutoCommit(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxBytes(16 << 20), kgo.MaxConcurrentFetches(2),
		kgo.ProducerLinger(20 * time.Millisecond), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	if o.guarantee == "eos" {
		opts = append(opts, kgo.TransactionalID(group))
		err = copyInTransactions(ctx, o, m, opts)
	} else {
		err = copyRecords(ctx, o, m, opts)
	}
	if err := errors.Join(err, m.stop()); err != nil {
		return err
	}
	return check(ctx, o, from)
}

// copier is what both copies share.
type copier struct {
	m      *meter
	slab   []kgo.Record
	failed atomic.Pointer[error]
}

func (c *copier) copyOf(r *kgo.Record) *kgo.Record {
	c.m.mark()
	if len(c.slab) == 0 {
		c.slab = make([]kgo.Record, 256)
	}
	n := &c.slab[0]
	c.slab = c.slab[1:]
	n.Topic, n.Key, n.Value, n.Timestamp = out.Name(), r.Key, r.Value, r.Timestamp
	return n
}

func (c *copier) promise(_ *kgo.Record, err error) {
	if err != nil {
		c.failed.CompareAndSwap(nil, &err)
	}
}

func (c *copier) err() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func copyRecords(ctx context.Context, o options, m *meter, opts []kgo.Opt) error {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	c := &copier{m: m}
	commit := func() error {
		if err := client.Flush(ctx); err != nil {
			return err
		}
		return client.CommitUncommittedOffsets(ctx)
	}
	for last := time.Now(); m.seen.Load() < o.records; {
		client.PollRecords(ctx, 10_000).EachRecord(func(r *kgo.Record) { client.Produce(ctx, c.copyOf(r), c.promise) })
		if time.Since(last) > o.commit {
			if err := commit(); err != nil {
				return err
			}
			last = time.Now()
		}
	}
	if err := commit(); err != nil {
		return err
	}
	return c.err()
}

func copyInTransactions(ctx context.Context, o options, m *meter, opts []kgo.Opt) error {
	session, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return err
	}
	defer session.Close()
	c := &copier{m: m}
	for m.seen.Load() < o.records {
		if err := session.Begin(); err != nil {
			return err
		}
		for began := time.Now(); time.Since(began) < o.commit && m.seen.Load() < o.records; {
			wait, cancel := context.WithTimeout(ctx, o.commit)
			session.PollRecords(wait, 10_000).EachRecord(func(r *kgo.Record) { session.Produce(ctx, c.copyOf(r), c.promise) })
			cancel()
		}
		if committed, err := session.End(ctx, kgo.TryCommit); err != nil || !committed {
			return fmt.Errorf("transaction not committed: %v", err)
		}
	}
	return c.err()
}
