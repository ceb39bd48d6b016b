package worker

import (
	"context"
	"time"
)

// inquiry is something that a session asks its cluster now and then. One question is under way at a time.
type inquiry struct {
	at       time.Time // when it was last due
	underWay bool
}

// due is whether it is time to ask again, and counts as the time of the look if so.
func (q *inquiry) due(every time.Duration) bool {
	now := time.Now()
	if q.underWay || now.Sub(q.at) < every {
		return false
	}
	q.at = now
	return true
}

// now has the next look be due at once, or as soon as the one under way has its answer.
func (q *inquiry) now() { q.at = time.Time{} }

// ask puts a question to the cluster beside the loop. What it returns is called by the loop, to do with the answer what
// there is to do.
func (s *session) ask(q *inquiry, question func(ctx context.Context) (answer func(ctx context.Context) error)) {
	q.underWay = true
	ctx, events := s.config.Cluster.Context(), s.events
	// Started by the loop, one for each inquiry, owns nothing, ends with its requests or with the cluster's client.
	go func() {
		answer := question(ctx)
		events.post(func(ctx context.Context) error {
			q.underWay = false
			return answer(ctx)
		})
	}()
}
