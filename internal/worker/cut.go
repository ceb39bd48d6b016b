package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// checkCut is an error if a changelog took the records of the commit at offsets below those that it had before. The
// offsets of acknowledgements alone do not tell: brokers need not have that of a record that was sent twice.
func (s *session) checkCut(ctx context.Context) error {
	short := s.set.Short()
	for look := 1; len(short) > 0; look++ {
		var lost, unknown error
		ends := s.config.Cluster.Ends(ctx, partitionsOf(short))
		short = slices.DeleteFunc(short, func(g task.Gap) bool {
			end, err := s.endOf(ends, g.Changelog)
			switch {
			case err != nil:
				unknown = errors.Join(unknown, err)
			case end >= g.To:
				s.config.Logger.Warn("records of a changelog were acknowledged at offsets in front of its end",
					"changelog", g.Changelog.Topic, "partition", g.Changelog.Partition, "at", g.From-1, "end", end)
			case look == confirmations:
				lost = errors.Join(lost, g.Changelog.Lost(end, g.To))
			}
			return err == nil && end >= g.To
		})
		if lost != nil {
			return s.unlessAccepted(lost)
		}
		if look == confirmations && unknown != nil {
			return unknown
		}
		if len(short) == 0 {
			break
		}
		if err := cluster.Sleep(ctx, firstTry<<look); err != nil { // in all much less than a transaction may last
			return err
		}
	}
	return nil
}

func partitionsOf(gaps []task.Gap) cluster.Partitions {
	logs := cluster.Partitions{}
	for _, g := range gaps {
		logs.Add(g.Changelog.Topic, g.Changelog.Partition)
	}
	return logs
}

// endOf is the end of a changelog, and an error if that was not told, or by a leader that the worker knows another one
// to have succeeded.
func (s *session) endOf(ends cluster.ListedOffsets, c *task.Changelog) (int64, error) {
	end, err := ends.Lookup(c.Topic, c.Partition)
	if err != nil {
		return -1, err
	}
	told := ends[c.Topic][c.Partition].Epoch
	if _, known, err := s.client.PartitionLeader(c.Topic, c.Partition); err == nil && told < known {
		return -1, fmt.Errorf("partition %s/%d: its end is as of leader epoch %d, and there is one of %d", c.Topic,
			c.Partition, told, known)
	}
	return end, nil
}

// unlessAccepted is what becomes of rows that a changelog has lost while the application runs: where that is accepted,
// a new session goes on with what the changelog has.
func (s *session) unlessAccepted(err error) error {
	var lost *task.LostStateError
	if errors.As(err, &lost) && s.config.Accept.Has(task.AcceptLostState) {
		return fmt.Errorf("begins again on what is there, as accepted: %v", err)
	}
	return err
}
