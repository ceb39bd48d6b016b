package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// restore brings tasks up to the ends of their changelogs.
//
// It is one goroutine, started by the worker when tasks are assigned. It owns the tasks until it posts them back, each
// as soon as all of its changelogs are read. stop, or the end of the session, ends it; what it has read by then is
// kept, and the next restore goes on from there.
type restore struct {
	worker    *Worker
	tasks     []*task.Task
	offsets   offsets
	committed map[topology.TaskID]map[string]task.Committed
	started   map[topology.TaskID]bool // posted back; written by the worker's goroutine

	cancel context.CancelFunc
	done   chan struct{}
	logs   map[string]map[int32]*replay
	open   map[topology.TaskID]int // changelogs still to read
}

// replay is the restore of one changelog.
type replay struct {
	changelog *task.Changelog
	task      *task.Task
	from, end int64
	records   int
	began     time.Time
}

func (w *Worker) restore(ctx context.Context, tasks []*task.Task, committed offsets) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &restore{
		worker: w, tasks: tasks, offsets: committed, committed: map[topology.TaskID]map[string]task.Committed{},
		started: map[topology.TaskID]bool{}, cancel: cancel, done: make(chan struct{}),
		logs: map[string]map[int32]*replay{}, open: map[topology.TaskID]int{},
	}
	events := w.events
	for _, t := range tasks {
		w.restores[t.ID] = r
	}
	go func() {
		defer close(r.done)
		if err := w.shielded(func() error { return r.run(ctx) }); err != nil && ctx.Err() == nil {
			events.post(func(context.Context) error { return fmt.Errorf("restore: %w", err) })
		}
	}()
}

// stop ends the goroutine and waits for it.
func (r *restore) stop() {
	r.cancel()
	<-r.done
}

func (r *restore) run(ctx context.Context) error {
	if err := r.readInputs(ctx); err != nil {
		return err
	}
	if err := r.plan(ctx); err != nil {
		return err
	}
	for _, t := range r.tasks {
		if r.open[t.ID] == 0 {
			r.post(t)
		}
	}
	if len(r.open) == 0 {
		return nil
	}
	return r.read(ctx)
}

// post gives a restored task back to the worker.
func (r *restore) post(t *task.Task) {
	delete(r.open, t.ID)
	r.worker.events.post(func(context.Context) error {
		if r.worker.restores[t.ID] != r {
			return nil // revoked meanwhile
		}
		r.started[t.ID] = true
		return r.worker.start(r, t)
	})
}

// readInputs finds where the inputs start that have no committed offset, and where those end that a task must read
// together.
func (r *restore) readInputs(ctx context.Context) error {
	topics := map[string]bool{}
	for _, t := range r.tasks {
		for _, in := range t.Inputs() {
			topics[in.Topic] = true
		}
	}
	admin, names := r.worker.config.Cluster.admin, slices.Sorted(maps.Keys(topics))
	starts, err := listed(admin.ListStartOffsets(ctx, names...))
	if err != nil {
		return err
	}
	ends, err := listed(admin.ListCommittedOffsets(ctx, names...))
	if err != nil {
		return err
	}
	for _, t := range r.tasks {
		r.committed[t.ID] = map[string]task.Committed{}
		for _, in := range t.Inputs() {
			start, _ := starts.Lookup(in.Topic, in.Partition)
			end, _ := ends.Lookup(in.Topic, in.Partition)
			c, err := r.begin(in, start.Offset, end.Offset)
			if err != nil {
				return err
			}
			r.committed[t.ID][in.Topic] = c
		}
	}
	return nil
}

// begin is where an input begins: at the offset that was committed, or chosen, but not before the start of the
// partition, from where nothing would ever come.
func (r *restore) begin(in *task.Input, start, end int64) (task.Committed, error) {
	c := r.offsets[in.Topic][in.Partition]
	if c.Start, c.End = start, end; c.Offset < 0 {
		c.Offset = start
	}
	if err := r.worker.refuseDeleted(in, c.Offset, start); err != nil {
		return c, err
	}
	if c.Offset < start {
		r.worker.config.Logger.Warn("records were deleted before they were read", "topic", in.Topic,
			"partition", in.Partition, "from", c.Offset, "to", start)
	}
	return c, nil
}

func listed(l kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = l.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	return l, nil
}

// plan decides from where each changelog is read. Its end is the high watermark, read after the group's offsets: the
// last stable offset may not cover yet what those offsets already count on.
func (r *restore) plan(ctx context.Context) error {
	topics := map[string]bool{}
	for _, t := range r.tasks {
		for _, c := range t.Changelogs() {
			topics[c.Topic] = true
		}
	}
	if len(topics) == 0 {
		return nil
	}
	admin, names := r.worker.config.Cluster.admin, slices.Sorted(maps.Keys(topics))
	starts, err := listed(admin.ListStartOffsets(ctx, names...))
	if err != nil {
		return err
	}
	ends, err := listed(admin.ListEndOffsets(ctx, names...))
	if err != nil {
		return err
	}
	for _, t := range r.tasks {
		for _, c := range t.Changelogs() {
			start, ok1 := starts.Lookup(c.Topic, c.Partition)
			end, ok2 := ends.Lookup(c.Topic, c.Partition)
			if !ok1 || !ok2 {
				return fmt.Errorf("changelog %s has no partition %d", c.Topic, c.Partition)
			}
			if err := r.planOne(t, c, start.Offset, end.Offset); err != nil {
				return err
			}
		}
	}
	return nil
}

// planOne: a stored offset inside the log is continued from. One outside belongs to another log, or to a state that the
// log has forgotten deletes of, and the store is rebuilt; only where the log forgets by age is the state still good,
// and the rest of the log goes on top of it.
func (r *restore) planOne(t *task.Task, c *task.Changelog, start, end int64) error {
	from := c.From()
	log := r.worker.config.Logger.With("task", t.ID.String(), "store", c.Store)
	switch {
	case from < 0:
		from = start
	case from > end || from < start && !c.Expires():
		log.Warn("local state does not fit its changelog and is rebuilt", "offset", from, "log_start", start, "log_end", end)
		if err := c.Clear(); err != nil {
			return err
		}
		from = start
	case from < start:
		from = start
	}
	if from >= end {
		log.Info("state is up to date", "offset", from, "replayed", 0)
		return c.Restore(nil, max(from, end))
	}
	if r.logs[c.Topic] == nil {
		r.logs[c.Topic] = map[int32]*replay{}
	}
	r.logs[c.Topic][c.Partition] = &replay{changelog: c, task: t, from: from, end: end, began: time.Now()}
	r.open[t.ID]++
	return nil
}

// read reads all changelogs to their ends, with a client of its own.
func (r *restore) read(ctx context.Context) error {
	from := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range r.logs {
		from[topic] = map[int32]kgo.Offset{}
		for p, replay := range partitions {
			from[topic][p] = kgo.NewOffset().At(replay.from)
		}
	}
	opts := r.worker.config.Client
	client, err := newClient(append(opts[:len(opts):len(opts)],
		kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for len(r.open) > 0 && err == nil {
		err = r.poll(ctx, client)
	}
	return err
}

// lookAfter is how long a restore waits for records before it asks whether they are still there. Most often an open
// transaction holds them up.
const lookAfter = time.Second

func (r *restore) poll(ctx context.Context, client *kgo.Client) (err error) {
	wait, cancel := context.WithTimeout(ctx, lookAfter)
	defer cancel()
	fetches := client.PollRecords(wait, 50_000)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case fetches.NumRecords() == 0 && wait.Err() != nil:
		return r.look(ctx)
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = r.take(client, p)
		}
	})
	return err
}

// look is an error if a changelog starts behind the place that its restore has come to. Where the log has been emptied
// the restore would wait for ever; the next session plans anew.
func (r *restore) look(ctx context.Context) error {
	starts, err := listed(r.worker.config.Cluster.admin.ListStartOffsets(ctx, slices.Sorted(maps.Keys(r.logs))...))
	if err != nil {
		return err
	}
	for topic, partitions := range r.logs {
		for p, replay := range partitions {
			at := max(replay.from, replay.changelog.From())
			if start, ok := starts.Lookup(topic, p); ok && start.Offset > at {
				return fmt.Errorf("changelog %s/%d was deleted up to %d, and was read up to %d", topic, p, start.Offset, at)
			}
		}
	}
	return nil
}

// take enters records of one changelog. The position counts, not the records: markers and gaps move it too.
func (r *restore) take(client *kgo.Client, p kgo.FetchTopicPartition) error {
	replay := r.logs[p.Topic][p.Partition]
	if p.Err != nil {
		return fmt.Errorf("changelog %s/%d: %w", p.Topic, p.Partition, p.Err)
	}
	if replay == nil || len(p.Records) == 0 {
		return nil
	}
	raws := make([]topology.Raw, 0, len(p.Records))
	for _, rec := range p.Records {
		raws = append(raws, raw(rec))
		if !rec.Attrs.IsControl() {
			replay.records++
		}
	}
	next := raws[len(raws)-1].Offset + 1
	if err := replay.changelog.Restore(raws, next); err != nil {
		return err
	}
	if next < replay.end {
		return nil
	}
	client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition}})
	delete(r.logs[p.Topic], p.Partition)
	r.worker.config.Logger.Info("state restored", "task", replay.task.ID.String(), "store", replay.changelog.Store,
		"from", replay.from, "offset", next, "replayed", replay.records, "took", time.Since(replay.began).String())
	if r.open[replay.task.ID]--; r.open[replay.task.ID] == 0 {
		r.post(replay.task)
	}
	return nil
}
