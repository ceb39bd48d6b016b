package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/task"
)

// loss is what the client's finding that a partition has lost records that were read (KIP-320) means. The client also
// reports what it cannot tell, so the brokers are asked.
func (w *Worker) loss(found *kgo.ErrDataLoss) error {
	ctx, cancel := context.WithTimeout(w.config.Cluster.client.Context(), retryFor)
	defer cancel()
	upTo, lost, err := w.config.Cluster.lossOf(ctx, found)
	if err != nil {
		return fmt.Errorf("fetch of %s/%d: %w: %w", found.Topic, found.Partition, found, err)
	}
	if !lost {
		w.config.Logger.Info("nothing that was read is lost, as the brokers say", "topic", found.Topic,
			"partition", found.Partition, "offset", found.ConsumedTo)
		return nil
	}
	return &task.LostInputError{Topic: found.Topic, Partition: found.Partition, Offset: found.ConsumedTo, End: upTo}
}

// lossOf finds up to where a partition still has what was read of it.
func (c *Cluster) lossOf(ctx context.Context, found *kgo.ErrDataLoss) (upTo int64, lost bool, err error) {
	topic, p, offset, epoch := found.Topic, found.Partition, found.ConsumedTo, found.ConsumedToEpoch
	one := partitions{topic: {p}}
	start, err1 := c.list(ctx, one, atStart, highWatermark).of(topic, p)
	end, err2 := c.list(ctx, one, atEnd, highWatermark).of(topic, p)
	switch {
	case err1 != nil || err2 != nil:
		return 0, false, cmp.Or(err1, err2)
	case start >= offset: // deleted, as brokers do
		return offset, false, nil
	case offset > end:
		return end, true, nil
	case epoch < 0:
		return offset, false, nil
	}
	var ask kadm.OffsetForLeaderEpochRequest
	ask.Add(topic, p, epoch)
	told, err := c.admin.OffsetForLeaderEpoch(ctx, ask)
	answer := told[topic][p]
	if err = errors.Join(err, answer.Err); err != nil {
		return 0, false, err
	}
	if answer.LeaderEpoch >= 0 && answer.EndOffset >= 0 {
		return answer.EndOffset, answer.EndOffset < offset, nil
	}
	// The leader does not know the epoch. A lower one than its own it has forgotten; a higher one it has never had.
	present, err := c.admin.Metadata(ctx, topic)
	return offset, err == nil && epoch > present.Topics[topic].Partitions[p].LeaderEpoch, err
}

// goOn is what becomes of a loss that is found while the application runs: if it is accepted, the group is given the
// offset at which the partition goes on.
func (w *Worker) goOn(err error) error {
	var cut *task.LostInputError
	if !errors.As(err, &cut) || !w.config.Accept.Has(task.AcceptLostInput) {
		return err
	}
	w.config.Logger.Warn("an input has lost records that were read, as accepted", "topic", cut.Topic,
		"partition", cut.Partition, "from", cut.Offset, "to", cut.End)
	at := task.Offset{Topic: cut.Topic, Partition: cut.Partition, Offset: cut.End, Epoch: -1}
	at.Metadata = w.assigned[cut.Topic][cut.Partition].Metadata
	w.events.post(func(ctx context.Context) error {
		if err := w.commitOffsets(ctx, []task.Offset{at}); err != nil {
			return err
		}
		return errOffsetsMoved // what was not committed is not: it may be of records that are gone
	})
	return nil
}
