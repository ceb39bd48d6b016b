package worker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// replay is the restore of one changelog.
type replay struct {
	changelog *task.Changelog
	of        *restoring
	from, end int64
	records   int
	began     time.Time
	moved     time.Time // when records came last
	waits     bool      // it was said that records are waited for
}

// at is the offset that is read next.
func (p *replay) at() int64 { return max(p.from, p.changelog.From()) }

// wait is what the wait for a changelog's records is called.
func (p *replay) wait() string {
	return fmt.Sprintf("changelog %s/%d", p.changelog.Topic, p.changelog.Partition)
}

// plan decides from where each changelog is read. Its end is the high watermark, read after the group's offsets: the
// last stable offset may not cover yet what those offsets already count on.
func (r *restore) plan(ctx context.Context, due []*restoring) map[*restoring]error {
	logs := cluster.Partitions{}
	for _, x := range due {
		for _, c := range x.task.Changelogs() {
			logs.Add(c.Topic, c.Partition)
		}
	}
	kafka := r.session.config.Cluster
	starts := kafka.Starts(ctx, logs)
	ends := kafka.Ends(ctx, logs)
	failed := map[*restoring]error{}
	for _, x := range due {
		for _, c := range x.task.Changelogs() {
			start, err1 := starts.Lookup(c.Topic, c.Partition)
			end, err2 := ends.Lookup(c.Topic, c.Partition)
			if err := cmp.Or(err1, err2); err != nil {
				failed[x] = err
				break
			}
			x.facts.Changelogs[c.Store] = r.session.log(c.Topic, start, end)
			x.leaders[c.Store] = ends[c.Topic][c.Partition].Epoch
		}
	}
	r.findCuts(ctx, due, failed)
	for _, x := range due {
		if failed[x] != nil {
			continue
		}
		if err := r.settle(x); err != nil {
			failed[x] = err
		}
	}
	return failed
}

// settle decides what becomes of a task's local state, and reads what it lacks.
func (r *restore) settle(x *restoring) error {
	if err := r.judge(x); err != nil {
		return err
	}
	for _, c := range x.task.Changelogs() {
		if err := r.planOne(x, c); err != nil {
			return err
		}
	}
	return nil
}

// planOne: what is read goes on top of what the store has. Where the log forgets by age, it may begin after that.
func (r *restore) planOne(x *restoring, c *task.Changelog) error {
	log := x.facts.Changelogs[c.Store]
	from := max(c.From(), log.Start)
	if from >= log.End {
		r.session.config.Logger.Info("state is up to date", "task", x.id.String(), "store", c.Store, "offset", from,
			"replayed", 0)
		if err := c.Restore(nil, max(from, log.End)); err != nil {
			return err
		}
		if err := c.LedTo(log.End, x.leaders[c.Store], c.From())(); err != nil {
			return err
		}
		return c.Restored(x.facts.Now)
	}
	return r.read(x, c, from, log.End)
}

// read begins to read a changelog.
func (r *restore) read(x *restoring, c *task.Changelog, from, end int64) error {
	at := map[string]map[int32]kgo.Offset{c.Topic: {c.Partition: kgo.NewOffset().At(from)}}
	if r.client != nil {
		r.client.AddConsumePartitions(at)
	} else if err := r.connect(at); err != nil {
		return err
	}
	if r.logs[c.Topic] == nil {
		r.logs[c.Topic] = map[int32]*replay{}
	}
	now := time.Now()
	r.logs[c.Topic][c.Partition] = &replay{changelog: c, of: x, from: from, end: end, began: now, moved: now}
	x.replays++
	r.report(r.logs[c.Topic][c.Partition], RestoreBegun)
	return nil
}

// connect makes the client, which reads changelogs from the given offsets. It is to learn at once where all changelogs
// are: about a partition that is added later, and that it has not found yet, it asks any broker, and if that is another
// one's, it asks again a second later.
func (r *restore) connect(at map[string]map[int32]kgo.Offset) (err error) {
	for _, topic := range r.session.layout.Changelogs() {
		if at[topic] == nil {
			at[topic] = map[int32]kgo.Offset{}
		}
	}
	r.client, err = cluster.NewClient(cluster.RestoreRole, r.session.config.Client(cluster.RestoreRole),
		kgo.ConsumePartitions(at), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	r.connected = time.Now()
	return err
}

// forget ends the replays of a task.
func (r *restore) forget(x *restoring) {
	r.each(func(p *replay) {
		if p.of == x {
			r.end(p)
		}
	})
}

// each shows each replay.
func (r *restore) each(show func(p *replay)) {
	for _, partitions := range r.logs {
		for _, p := range partitions {
			show(p)
		}
	}
}

// end ends a replay.
func (r *restore) end(p *replay) {
	c := p.changelog
	r.client.RemoveConsumePartitions(map[string][]int32{c.Topic: {c.Partition}})
	delete(r.logs[c.Topic], c.Partition)
	p.of.replays--
	r.endWait(p)
	r.report(p, RestoreEnded)
}

// checkAfter is how long a replay waits for records before it asks whether they are still there. Most often an open
// transaction holds them up.
const checkAfter = time.Second

// poll enters what has come, or waits for it until a time.
func (r *restore) poll(ctx context.Context, until time.Time) error {
	if r.client == nil {
		_ = cluster.Sleep(ctx, time.Until(until)) // the caller looks at ctx
		return nil
	}
	var wait context.Context // nil: take what is there
	if time.Now().Before(until) {
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	fetches := r.client.PollRecords(wait, 50_000)
	if ctx.Err() != nil {
		return nil
	}
	var err error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if replay := r.logs[p.Topic][p.Partition]; replay != nil && err == nil {
			if failed := r.enter(replay, p); failed != nil {
				err = r.tryLater(ctx, replay.of, failed)
			}
		}
	})
	if err == nil && time.Since(r.checkedAt) >= checkAfter {
		r.checkedAt = time.Now()
		err = r.checkReplays(ctx)
	}
	return err
}

// checkReplays plans replays anew that wait for records which have been deleted: they would wait for ever.
func (r *restore) checkReplays(ctx context.Context) (err error) {
	waiting := cluster.Partitions{}
	r.each(func(p *replay) {
		if time.Since(p.moved) >= checkAfter {
			c := p.changelog
			waiting.Add(c.Topic, c.Partition)
			r.session.worker.waits.begin(p.wait(), r.cause(p))
			p.waits = true
		}
	})
	for topic, starts := range r.session.config.Cluster.Starts(ctx, waiting) {
		for n, start := range starts {
			replay := r.logs[topic][n]
			if replay == nil || start.Err != nil || err != nil {
				continue
			}
			if at := replay.at(); start.Offset > at {
				err = r.tryLater(ctx, replay.of, fmt.Errorf(
					"changelog %s/%d was deleted up to %d, and was read up to %d", topic, n, start.Offset, at))
			}
		}
	}
	if err == nil && time.Since(r.connected) >= reconnectAfter {
		err = r.reconnect(ctx)
	}
	return err
}

// reconnectAfter is how long a replay waits for records that brokers could send before they are asked for by another
// client. It is a way out of whatever a client may have forgotten: a restore never ends without it.
const reconnectAfter = 10 * time.Second

// reconnect makes a new client if there are replays that wait for records which a reader of committed ones could have.
func (r *restore) reconnect(ctx context.Context) error {
	waiting, at := cluster.Partitions{}, map[string]map[int32]kgo.Offset{}
	r.each(func(p *replay) {
		c := p.changelog
		if time.Since(p.moved) >= reconnectAfter {
			waiting.Add(c.Topic, c.Partition)
		}
		if at[c.Topic] == nil {
			at[c.Topic] = map[int32]kgo.Offset{}
		}
		at[c.Topic][c.Partition] = kgo.NewOffset().At(p.at())
	})
	for topic, ends := range r.session.config.Cluster.StableEnds(ctx, waiting) {
		for n, end := range ends {
			if p := r.logs[topic][n]; p != nil && end.Err == nil && end.Offset > p.at() {
				r.session.config.Logger.Warn("changelogs are read with another client: records did not come",
					"changelog", topic, "partition", n, "offset", p.at(), "end", end.Offset)
				r.client.Close()
				return r.connect(at)
			}
		}
	}
	return nil
}

// endWait ends the wait for records, if there is one.
func (r *restore) endWait(p *replay) {
	if p.waits {
		p.waits = false
		r.session.worker.waits.end(p.wait())
	}
}

// cause says why no records come.
func (r *restore) cause(p *replay) func(ctx context.Context) string {
	kafka, topic, partition := r.session.config.Cluster, p.changelog.Topic, p.changelog.Partition
	return func(ctx context.Context) string { return kafka.WhyNoRecords(ctx, topic, partition) }
}

// enter enters records of one changelog. The position counts, not the records: markers and gaps move it too.
func (r *restore) enter(replay *replay, p kgo.FetchTopicPartition) error {
	if p.Err != nil {
		return fmt.Errorf("changelog %s/%d: %w", p.Topic, p.Partition, cluster.NameRight("Read", "topic", p.Topic, p.Err))
	}
	if len(p.Records) == 0 {
		return nil
	}
	raws := cluster.Raws(p.Records)
	for _, rec := range p.Records {
		if !rec.Attrs.IsControl() {
			replay.records++
		}
	}
	next := raws[len(raws)-1].Offset + 1
	if err := replay.changelog.Restore(raws, next); err != nil {
		return err
	}
	replay.moved, replay.of.tries = time.Now(), 0
	r.endWait(replay)
	if next < replay.end {
		r.report(replay, RestoreGoesOn)
		return nil
	}
	x := replay.of
	if err := replay.changelog.Restored(x.facts.Now); err != nil {
		return err
	}
	r.end(replay)
	r.session.config.Logger.Info("state restored", "task", x.id.String(), "store", replay.changelog.Store,
		"from", replay.from, "offset", next, "replayed", replay.records, "took", time.Since(replay.began).String())
	if x.replays == 0 {
		r.post(x)
	}
	return nil
}
