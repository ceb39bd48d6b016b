package worker

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/topology"
)

// step processes records and punctuations, and sends what they gave. It ends early when its time is over, ctx ends or
// an event comes.
func (w *Worker) step(ctx, work context.Context) (n int, err error) {
	began := time.Now()
	w.pace.Bytes = min(stepBytes, w.allowance.bytes)
	w.pace.begin()
	w.inCode.begin()
	err = w.calls.call(func() (err error) {
		if ctx.Err() != nil {
			return nil
		}
		if err = w.set.Answer(w.now()); err != nil {
			return err
		}
		if n, err = w.set.Step(w.now(), stepRecords); err == nil && w.now() >= w.set.NextPunctuation() {
			err = w.set.Punctuate(w.now())
		}
		return err
	})
	w.pace.end()
	w.inCode.end()
	if errors.Is(err, serde.ErrStopped) && ctx.Err() != nil {
		err = nil // the record stays where it is, and what was done before it is committed
	}
	if err != nil {
		return n, err
	}
	took := time.Since(began)
	w.busy += took
	if took > w.config.TransactionTimeout/slowSteps {
		w.slowAt = time.Now()
	}
	if !w.holds() {
		w.sendAll(work, w.set.Outputs())
	}
	return n, w.failed()
}

// sendAll hands outputs to the client, and says what it waits for if the client takes no more.
func (w *Worker) sendAll(ctx context.Context, outputs []topology.Output) {
	if len(outputs) > 0 {
		w.forRoom.begin()
		w.send(ctx, outputs)
		w.forRoom.end()
	}
}

// A record that takes longer than the transaction timeout must not run while a transaction is open: brokers would abort
// that, and the worker would begin again, with the same record. So once steps are slow, outputs are held back until the
// commit: then a transaction is never open but for the moment of the commit. It is a little slower.
const (
	slowSteps = 16 // a step is slow from this part of the transaction timeout on
	slowFor   = 10 * time.Minute
)

// holds is true while outputs are held back until the commit.
func (w *Worker) holds() bool {
	return w.config.ExactlyOnce && !w.slowAt.IsZero() && time.Since(w.slowAt) < slowFor
}

// commitDue is true if it is time to commit: by the clock, for memory, or because the brokers take no more at a time.
func (w *Worker) commitDue() bool {
	return w.set.CommitDue(w.now()) || w.set.Pending() && w.allowance.exceeded(w.set.Unsent())
}
