package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// loss is what the client's finding that a partition has lost records that were read (KIP-320) means. The client also
// reports what it cannot tell, so the brokers are asked.
func (s *session) loss(found *kgo.ErrDataLoss) error {
	ctx, cancel := context.WithTimeout(s.config.Cluster.Context(), cluster.RetryTime)
	defer cancel()
	upTo, lost, err := s.config.Cluster.Loss(ctx, found)
	if err != nil {
		return fmt.Errorf("fetch of %s/%d: %w: %w", found.Topic, found.Partition, found, err)
	}
	if !lost {
		s.config.Logger.Info("nothing that was read is lost, as the brokers say", "topic", found.Topic,
			"partition", found.Partition, "offset", found.ConsumedTo)
		return nil
	}
	return &task.LostInputError{Topic: found.Topic, Partition: found.Partition, Offset: found.ConsumedTo, End: upTo}
}

// acceptLoss is what becomes of a loss that is found while the application runs: if it is accepted, the group is given
// the offset at which the partition goes on.
func (s *session) acceptLoss(err error) error {
	var cut *task.LostInputError
	if !errors.As(err, &cut) || !s.config.Accept.Has(task.AcceptLostInput) {
		return err
	}
	s.config.Logger.Warn("an input has lost records that were read, as accepted", "topic", cut.Topic,
		"partition", cut.Partition, "from", cut.Offset, "to", cut.End)
	at := task.Offset{Topic: cut.Topic, Partition: cut.Partition, Offset: cut.End, Epoch: -1}
	at.Metadata = s.assigned[cut.Topic][cut.Partition].Metadata
	s.events.post(func(ctx context.Context) error {
		if err := s.member.commitOffsets(ctx, []task.Offset{at}); err != nil {
			return err
		}
		return errOffsetsMoved // what was not committed is not: it may be of records that are gone
	})
	return nil
}
