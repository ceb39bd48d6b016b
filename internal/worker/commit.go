package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// whyNoCommit says what a commit waits for.
func (s *session) whyNoCommit(ctx context.Context) string {
	if s.config.ExactlyOnce {
		return s.config.Cluster.WhyNoCommit(ctx, s.config.Identity)
	}
	return s.config.Cluster.WhyNoProgress(ctx)
}

// commit makes what the tasks have done durable: in Kafka first, then in the local databases. After an error the
// session ends, unless only one database failed, and a new one begins from what Kafka has: whether a commit whose
// answer was lost has happened is read from the committed offsets then.
func (s *session) commit(ctx context.Context) error {
	s.worker.waits.begin(forCommit, s.whyNoCommit)
	defer s.worker.waits.end(forCommit)
	c := Commit{Worker: s.config.Index, Commits: 1, Records: s.processed, Began: time.Now()}
	if !s.config.ExactlyOnce {
		if err := s.member.confirm(ctx); err != nil {
			return err
		}
		if err := s.beginEpochs(ctx); err != nil {
			return err
		}
	}
	watch := lap(c.Began)
	var offsets []task.Offset
	err := s.worker.calls.call(func() (err error) {
		offsets, err = s.set.Prepare(func(o graph.Output) { s.out.sendOne(ctx, &o) })
		return err
	})
	if err != nil {
		return err
	}
	c.Encode = watch.time()
	if err := s.flush(ctx); err != nil {
		return err
	}
	if err := s.checkCut(ctx); err != nil {
		return err
	}
	if err := s.mend(ctx); err != nil {
		return err
	}
	c.Flush = watch.time()
	if s.out.open && s.out.produced > 0 {
		err = s.member.commitTransaction(ctx, offsets, &c)
	} else if len(offsets) > 0 {
		err = s.member.commitOffsets(ctx, offsets)
	}
	if err != nil {
		return errors.Join(err, s.set.Unsettle())
	}
	c.Offsets = watch.time() - c.Transaction
	s.unled = s.unled || s.out.produced > 0
	c.Produced, c.Bytes = s.out.produced, s.worker.allowance.sent
	s.processed, s.out.produced, s.out.open = 0, 0, false
	local := s.set.Committed(s.now())
	c.Local = watch.time()
	s.worker.noteCommitted()
	s.worker.allowance.committed(time.Since(c.Began))
	s.unseen = true
	s.config.Report(c)
	s.worker.lessons.owed = nil
	if s.worker.restarts = 0; !s.began.IsZero() {
		s.config.Logger.Info("first commit", "took", time.Since(s.began).String())
		s.began = time.Time{}
	}
	s.purge(offsets)
	s.warnOfOldEvents()
	return ofOneTask(local)
}

// flush waits until Kafka has what was sent.
func (s *session) flush(ctx context.Context) error {
	if err := s.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return s.out.failed()
}

// warnOfOldEvents tells, once for each, of changelogs whose records are so old in event time that brokers delete them
// at once.
func (s *session) warnOfOldEvents() {
	for _, t := range s.set.Tasks() {
		if s.restores[t.ID] != nil {
			continue // it is the restore's
		}
		for _, c := range t.Changelogs() {
			keep, at := c.Retention()
			if keep >= cluster.Forever {
				continue // and so do brokers
			}
			if oldest := time.Now().Add(-keep - s.config.WindowRetention); keep > 0 && at >= 0 && !s.worker.warned[c.Topic] &&
				time.UnixMilli(at).Before(oldest) {
				s.worker.warned[c.Topic] = true
				s.config.Logger.Warn("event time is behind the retention of a changelog, which brokers delete by event time: "+
					"a restore would miss windows; raise Config.WindowRetention", "topic", c.Topic, "stream_time", time.UnixMilli(at))
			}
		}
	}
}
