package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

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

// findCuts compares changelogs with what directories know of their leaders.
func (r *restore) findCuts(ctx context.Context, due []*restoring, failed map[*restoring]error) {
	epochs := cluster.Epochs{}
	for _, x := range due {
		for _, c := range x.task.Changelogs() {
			if led, known := c.Led(); known && failed[x] == nil {
				epochs.Add(c.Topic, c.Partition, led.Epoch)
			}
		}
	}
	written := r.session.config.Cluster.Written(ctx, epochs)
	for _, x := range due {
		for _, c := range x.task.Changelogs() {
			if _, told := written[c.Topic][c.Partition]; !told || failed[x] != nil {
				continue
			}
			end, err := written.Lookup(c.Topic, c.Partition)
			if err == nil {
				err = r.findCut(ctx, x, c, end)
			}
			if err != nil {
				failed[x] = err
			}
		}
	}
}

// findCut enters it if a changelog was cut since its directory knew its leaders, whose records end at an offset now.
// What later leaders have written in front of where these had been must be there: whoever answers for epochs of which
// all records have been compacted away need not know where they ended.
func (r *restore) findCut(ctx context.Context, x *restoring, c *task.Changelog, end int64) error {
	led, _ := c.Led()
	log := x.facts.Changelogs[c.Store].Compared(led.Offset, end)
	if log.Parts && end < log.End {
		first, err := r.session.firstFrom(ctx, c, max(end, log.Start))
		if err != nil {
			return err
		}
		log.Parts = first.Offset < led.Offset && first.LeaderEpoch > led.Epoch
	}
	x.facts.Changelogs[c.Store] = log
	return nil
}

// firstFrom is the first record of a changelog from an offset on, which may be a marker, or one that is not committed.
func (s *session) firstFrom(ctx context.Context, c *task.Changelog, at int64) (*kgo.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, lastTry)
	defer cancel()
	client, err := cluster.NewClient(cluster.RestoreRole, s.config.Client(cluster.RestoreRole),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: {c.Partition: kgo.NewOffset().At(at)}}),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	fetches := client.PollRecords(ctx, 1)
	for _, failed := range fetches.Errors() {
		err = errors.Join(err, cluster.NameRight("Read", "topic", c.Topic, failed.Err))
	}
	if records := fetches.Records(); len(records) > 0 {
		return records[0], nil
	}
	return nil, fmt.Errorf("changelog %s/%d from offset %d: %w", c.Topic, c.Partition, at,
		cmp.Or(err, context.DeadlineExceeded))
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
