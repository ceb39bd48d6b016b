package worker

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// step processes records and punctuations, and sends what they gave. It ends early when its time is over, ctx ends or
// an event comes.
func (s *session) step(ctx, work context.Context) (n int, err error) {
	began := time.Now()
	s.worker.pace.Bytes = min(stepBytes, s.worker.allowance.bytes)
	s.worker.pace.begin()
	s.worker.inCode.begin()
	err = s.worker.calls.call(func() (err error) {
		if ctx.Err() != nil {
			return nil
		}
		if err = s.set.Answer(s.now()); err != nil {
			return err
		}
		if n, err = s.set.Step(s.now(), stepRecords); err == nil && s.now() >= s.set.NextPunctuation() {
			err = s.set.Punctuate(s.now())
		}
		return err
	})
	s.worker.pace.end()
	s.worker.inCode.end()
	if errors.Is(err, serde.ErrStopped) && ctx.Err() != nil {
		err = nil // the record stays where it is, and what was done before it is committed
	}
	if err != nil {
		return n, err
	}
	took := time.Since(began)
	s.worker.busy += took
	if took > s.config.TransactionTimeout/slowSteps {
		s.worker.lessons.slowAt = time.Now()
	}
	if !s.holds() {
		s.sendAll(work, s.set.Outputs())
	}
	return n, s.out.failed()
}

// sendAll hands outputs to the client, and says what it waits for if the client takes no more.
func (s *session) sendAll(ctx context.Context, outputs []graph.Output) {
	if len(outputs) > 0 {
		s.worker.forRoom.begin()
		s.out.send(ctx, outputs)
		s.worker.forRoom.end()
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
func (s *session) holds() bool {
	return s.config.ExactlyOnce && !s.worker.lessons.slowAt.IsZero() && time.Since(s.worker.lessons.slowAt) < slowFor
}

// commitDue is true if it is time to commit: by the clock, for memory, or because the brokers take no more at a time.
func (s *session) commitDue() bool {
	return s.set.CommitDue(s.now()) || s.set.Pending() && s.worker.allowance.exceeded(s.set.Unsent())
}
