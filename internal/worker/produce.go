package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/topology"
)

const slabRecords = 256

// send hands outputs to the client. It waits while the client's buffer is full.
func (w *Worker) send(ctx context.Context, outputs []topology.Output) {
	for i := range outputs {
		w.sendOne(ctx, &outputs[i])
	}
}

func (w *Worker) sendOne(ctx context.Context, o *topology.Output) {
	if w.config.ExactlyOnce && !w.inTxn {
		if err := w.client.BeginTransaction(); err != nil {
			w.poison(err)
			return
		}
		w.inTxn, w.openedAt = true, time.Now()
	}
	if len(w.slab) == 0 {
		w.slab = make([]kgo.Record, slabRecords)
	}
	r := &w.slab[0]
	w.slab = w.slab[1:]
	NewRecord(r, o)
	w.produced++
	w.allowance.sent += bytesOf(r)
	promise := w.acknowledged
	if o.Ack != nil {
		ack := o.Ack
		promise = func(r *kgo.Record, err error) {
			if w.acknowledged(r, err); err == nil {
				ack(r.Offset)
			}
		}
	}
	w.client.Produce(ctx, r, promise)
}

// acknowledged is called by the client's goroutine for each record.
func (w *Worker) acknowledged(r *kgo.Record, err error) {
	if err != nil {
		w.poison(&ProduceError{Topic: r.Topic, Partition: r.Partition, Bytes: len(r.Key) + len(r.Value), Err: err})
		return
	}
	w.allowance.acked.Add(bytesOf(r))
}

// bytesOf is what a record takes on its way, about.
func bytesOf(r *kgo.Record) int64 { return int64(64 + len(r.Key) + len(r.Value)) }

// poison keeps the first failure: no transaction that it belongs to may commit.
func (w *Worker) poison(err error) { w.failure.CompareAndSwap(nil, &err) }

// failed is the first failure of a produced record, nil if there is none.
func (w *Worker) failed() error {
	if err := w.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// ProduceError is a record that Kafka did not take.
type ProduceError struct {
	Topic     string
	Partition int32
	Bytes     int // of key and value
	Err       error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("produce of %d bytes to %s: %v", e.Bytes, e.Topic, e.Err)
}

func (e *ProduceError) Unwrap() error { return e.Err }
