package worker

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
)

// errOffsetsMoved ends a session, so that the next one begins at offsets that the group was given.
var errOffsetsMoved = errors.New("worker: the group was given other offsets")

// movesGather is how long a session goes on with tasks that are being restored, once the group was given other offsets:
// they may be given some, too. What has been read by then is kept.
const movesGather = 2 * time.Second

// moveOffsets gives the group the offsets from which a task goes on. Its inputs rest until the session ends, soon.
func (s *session) moveOffsets(ctx context.Context, x *restoring) error {
	err := x.task.CheckAhead()
	if err == nil {
		err = s.member.commitOffsets(ctx, x.moved)
	}
	if err == nil && s.movedAt.IsZero() {
		s.movedAt = time.Now()
	}
	return errors.Join(err, s.worker.leaveTask(x.task))
}

// endIfMoved ends the session, with what it has done, when the group was given other offsets: at once if no task is on
// its way, and soon even if one is for long.
func (s *session) endIfMoved(ctx context.Context) error {
	if s.movedAt.IsZero() || len(s.restores) > 0 && time.Since(s.movedAt) < movesGather {
		return nil
	}
	if err := s.endForTopics(ctx); !errors.Is(err, cluster.ErrTopicsChanged) {
		return err
	}
	return errOffsetsMoved
}
