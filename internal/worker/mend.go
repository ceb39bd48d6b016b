package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// beginEpochs has tasks that have not written to a changelog yet begin an epoch, at least once: from when the group has
// it, what former owners of them still write counts for nothing.
func (s *session) beginEpochs(ctx context.Context) error {
	offsets := s.set.BeginEpochs()
	if len(offsets) == 0 {
		return nil
	}
	return s.member.commitOffsets(ctx, offsets)
}

// mend looks whether others than the tasks have written to their changelogs, by the offsets that their own records got,
// and writes the rows again that were. So no commit counts on a changelog in which another one has the last word.
func (s *session) mend(ctx context.Context) error {
	for gaps := s.set.Gaps(); len(gaps) > 0; gaps = s.set.Gaps() {
		if err := s.readGaps(ctx, gaps); err != nil {
			return err
		}
		err := s.worker.calls.call(func() error {
			return s.set.Mend(func(o graph.Output) { s.out.sendOne(ctx, &o) })
		})
		if err != nil {
			return err
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tailsEvery is how often a worker looks at the ends of its changelogs. A former owner's write, or a loss, may come
// however late, when a task has nothing to write any more.
const tailsEvery = 10 * time.Second

// ledEvery is how often it does that for the epochs of their leaders, while there are commits.
const ledEvery = time.Second

// tails are the changelogs of running tasks, and up to where these have written.
type tails struct {
	logs    cluster.Partitions
	written map[*task.Changelog]int64
}

func (s *session) tails() tails {
	t := tails{cluster.Partitions{}, map[*task.Changelog]int64{}}
	s.set.Tails(func(c *task.Changelog) {
		t.logs.Add(c.Topic, c.Partition)
		t.written[c] = c.From()
	})
	return t
}

// checkTails looks, now and then, whether others have written to changelogs since the tasks have, at least once, or
// whether what the tasks have written is not there any more; and after commits, who leads the changelogs.
func (s *session) checkTails() {
	whole := time.Since(s.tailsAt) >= tailsEvery
	if !whole && !s.unled || !s.led.due(ledEvery) {
		return
	}
	if s.unled = false; whole {
		s.tailsAt = s.led.at
	}
	t := s.tails()
	if len(t.logs) == 0 {
		return
	}
	kafka := s.config.Cluster
	s.ask(&s.led, func(ctx context.Context) func(context.Context) error {
		ends := kafka.Ends(ctx, t.logs)
		return func(context.Context) error {
			unknown, lost := s.lookAt(t, ends, whole)
			s.unled = s.unled || unknown != nil
			return s.unlessAccepted(lost)
		}
	})
}

// lookAt enters what leaders have told, of a whole look also where changelogs end. What it could not enter, for want of
// an answer or of a database that writes, is unknown.
func (s *session) lookAt(t tails, ends cluster.ListedOffsets, whole bool) (unknown, lost error) {
	var entries []func() error
	s.set.Tails(func(c *task.Changelog) {
		at, asked := t.written[c]
		end, err := s.endOf(ends, c)
		if !asked || err != nil {
			if asked {
				unknown = cmp.Or(unknown, err)
			}
			return
		}
		entries = append(entries, c.LedTo(end, ends[c.Topic][c.Partition].Epoch, at))
		if whole {
			lost = errors.Join(lost, c.Ends(end, at))
		}
	})
	for _, wait := range entries {
		unknown = errors.Join(unknown, wait())
	}
	return unknown, lost
}

// leadersTime is how long a stop may take to ask who leads the changelogs.
const leadersTime = 3 * time.Second

// noteLeaders enters who leads the changelogs, for the next start. It has some time for it.
func (s *session) noteLeaders(ctx context.Context) {
	if !s.unled && !s.led.underWay { // the answer to a look that is under way comes too late
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leadersTime)
	defer cancel()
	t := s.tails()
	if unknown, _ := s.lookAt(t, s.config.Cluster.Ends(ctx, t.logs), false); unknown != nil {
		s.config.Logger.Warn("could not enter who leads the changelogs: a changelog that loses what was written last, "+
			"before the next start, would not be found", "error", unknown)
	}
}

// readGaps reads parts of changelogs. What an open transaction has written is read, too: it may be committed yet.
func (s *session) readGaps(ctx context.Context, gaps []task.Gap) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RetryTime)
	defer cancel()
	at, left := map[string]map[int32]kgo.Offset{}, map[starved]task.Gap{}
	for _, g := range gaps {
		c := g.Changelog
		if at[c.Topic] == nil {
			at[c.Topic] = map[int32]kgo.Offset{}
		}
		at[c.Topic][c.Partition], left[starved{c.Topic, c.Partition}] = kgo.NewOffset().At(g.From), g
	}
	client, err := cluster.NewClient(cluster.RestoreRole, s.config.Client(cluster.RestoreRole), kgo.ConsumePartitions(at),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for len(left) > 0 && ctx.Err() == nil {
		if err := s.pollGaps(ctx, client, left); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("changelogs that others have written to: %w", ctx.Err())
	}
	return nil
}

// pollGaps reads on, and takes out the gaps that are read to their ends.
func (s *session) pollGaps(ctx context.Context, client *kgo.Client, left map[starved]task.Gap) (err error) {
	wait, cancel := context.WithTimeout(ctx, checkAfter)
	fetches := client.PollFetches(wait)
	nothing := wait.Err() != nil
	cancel()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		id := starved{p.Topic, p.Partition}
		g, ok := left[id]
		if p.Err != nil && ok && err == nil {
			err = fmt.Errorf("changelog %s/%d: %w", p.Topic, p.Partition, cluster.NameRight("Read", "topic", p.Topic, p.Err))
		}
		if !ok || len(p.Records) == 0 {
			return
		}
		raws := cluster.Raws(p.Records)
		n := 0
		for n < len(raws) && raws[n].Offset < g.To {
			n++
		}
		if failed := g.Changelog.Find(raws[:n]); failed != nil && err == nil {
			err = fmt.Errorf("%w: %w", failed, kerr.UnknownMemberID)
		}
		if raws[len(raws)-1].Offset >= g.To-1 {
			delete(left, id)
		}
	})
	if err != nil || !nothing {
		return err
	}
	gone := cluster.Partitions{}
	for id := range left {
		gone.Add(id.topic, id.partition)
	}
	starts := s.config.Cluster.Starts(ctx, gone)
	for id, g := range left {
		if start, err := starts.Lookup(id.topic, id.partition); err == nil && start >= g.To {
			delete(left, id) // deleted by age
		}
	}
	return nil
}
