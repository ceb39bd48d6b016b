package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
)

// producer sends what the tasks made, in the session's transaction if there are transactions.
type producer struct {
	client       *kgo.Client
	member       *membership
	transactions bool
	allowance    *allowance
	lessons      *lessons         // how much may be sent at once
	together     map[string]int64 // bytes since the last flush, by topics that take small batches only

	headers  cluster.Headers
	slab     []kgo.Record
	traces   []trace               // of the records of slab
	produced int64                 // records sent since the last commit
	open     bool                  // a transaction
	openedAt time.Time             // when it was
	failure  atomic.Pointer[error] // the first of a record
}

const slabRecords = 256

// send hands outputs to the client. It waits while the client's buffer is full.
func (p *producer) send(ctx context.Context, outputs []graph.Output) {
	for i := range outputs {
		p.sendOne(ctx, &outputs[i])
	}
}

func (p *producer) sendOne(ctx context.Context, o *graph.Output) {
	if p.transactions && !p.open {
		if err := p.member.endMayComeLate(); err != nil {
			p.poison(err)
			return
		}
		if err := p.client.BeginTransaction(); err != nil {
			p.poison(err)
			return
		}
		p.open, p.openedAt = true, time.Now()
	}
	if len(p.slab) == 0 {
		p.slab = make([]kgo.Record, slabRecords)
	}
	r := &p.slab[0]
	p.slab = p.slab[1:]
	p.headers.NewRecord(r, o)
	r.Context = p.traced(ctx, o)
	p.produced++
	p.allowance.sent += bytesOf(r)
	promise := p.acknowledged
	if o.Ack != nil {
		ack := o.Ack
		promise = func(r *kgo.Record, err error) {
			if p.acknowledged(r, err); err == nil {
				ack(r.Offset)
			}
		}
	}
	p.separate(ctx, r)
	p.client.Produce(ctx, r, promise)
	if p.lessons.sendsAlone() {
		_ = p.client.Flush(ctx) // what fails poisons the transaction
	}
}

// separate sends what has been gathered for a record's topic if the record makes a batch of it that is too large.
func (p *producer) separate(ctx context.Context, r *kgo.Record) {
	most, small := p.lessons.smallBatch(r.Topic)
	if !small {
		return
	}
	if have := p.together[r.Topic]; have > 0 && have+bytesOf(r) > most {
		_ = p.client.Flush(ctx) // what fails poisons the transaction
		clear(p.together)
	}
	p.together[r.Topic] += bytesOf(r)
}

// acknowledged is called by the client's goroutine for each record.
func (p *producer) acknowledged(r *kgo.Record, err error) {
	if err != nil {
		p.poison(refused(r, err))
		return
	}
	p.allowance.acked.Add(bytesOf(r))
}

// recordFrame is what a record takes beside its key and value, about.
const recordFrame = 64

// bytesOf is what a record takes on its way, about.
func bytesOf(r *kgo.Record) int64 { return int64(recordFrame + len(r.Key) + len(r.Value)) }

// poison keeps the first failure: no transaction that it belongs to may commit.
func (p *producer) poison(err error) { p.failure.CompareAndSwap(nil, &err) }

// failed is the first failure of a produced record, nil if there is none.
func (p *producer) failed() error {
	if err := p.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// trace is a context that tells where a record comes from. It is the one that the record is sent with, otherwise.
type trace struct {
	context.Context
	node   *graph.Node
	from   *graph.Origin
	offset int64
}

// traced is the context of an output.
func (p *producer) traced(ctx context.Context, o *graph.Output) context.Context {
	if len(p.traces) == 0 {
		p.traces = make([]trace, slabRecords)
	}
	t := &p.traces[0]
	p.traces = p.traces[1:]
	*t = trace{ctx, o.Node, o.From, o.FromOffset}
	return t
}

// ProduceError is a record that Kafka did not take.
type ProduceError struct {
	Topic     string
	Partition int32
	Bytes     int    // of key and value
	Key       []byte // as encoded
	Err       error

	// Node and Site are the step that made it and the file:line that declared it; empty for a changelog.
	Node, Site string
	// Source, SourcePartition and SourceOffset are the input record that it was made of; an empty topic: none, as for what
	// punctuations forward, and for changelogs.
	Source          string
	SourcePartition int32
	SourceOffset    int64

	timestamp int64  // of the record, in milliseconds
	value     []byte // as encoded
}

// refused is the error of a record that was sent.
func refused(r *kgo.Record, err error) *ProduceError {
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		err = cluster.NameRight("Write", "topic", r.Topic, err)
	}
	e := &ProduceError{
		Topic: r.Topic, Partition: r.Partition, Bytes: len(r.Key) + len(r.Value), Key: r.Key, Err: err, SourceOffset: -1,
		timestamp: r.Timestamp.UnixMilli(), value: r.Value,
	}
	if t, ok := r.Context.(*trace); ok {
		if t.node != nil {
			e.Node, e.Site = t.node.Name, t.node.Site
		}
		if t.from != nil {
			e.Source, e.SourcePartition, e.SourceOffset = t.from.Topic, t.from.Partition, t.offset
		}
	}
	return e
}

// longestKey is how much of a key is shown.
const longestKey = 100

func (e *ProduceError) Error() string {
	text := fmt.Sprintf("produce of %d bytes to %s, key %q", e.Bytes, e.Topic, e.Key[:min(len(e.Key), longestKey)])
	if e.Node != "" {
		text += fmt.Sprintf(", by step %s (%s)", e.Node, e.Site)
	}
	if e.Source != "" {
		text += fmt.Sprintf(", from %s/%d offset %d", e.Source, e.SourcePartition, e.SourceOffset)
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

func (e *ProduceError) Unwrap() error { return e.Err }

// size is what the record took on its way, as bytesOf has it.
func (e *ProduceError) size() int64 { return int64(recordFrame + e.Bytes) }
