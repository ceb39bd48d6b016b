package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
)

// restore brings tasks to where they can run: it opens their databases, finds where their inputs begin, and reads their
// changelogs to the ends.
//
// It is one goroutine, started by the worker when tasks are assigned. It owns the tasks until it posts them back, each
// as soon as it is ready. stop, or the end of the session, ends it; what it has read by then is kept, and the next
// restore goes on from there.
//
// What is in the way of one task alone, such as a database that is in use or a partition without a leader, costs that
// task only: it is tried again after a while, and the others go on.
type restore struct {
	session *session
	offsets cluster.Offsets
	tasks   []*restoring

	cancel    context.CancelFunc
	done      chan struct{}
	client    *kgo.Client // reads changelogs; nil before there is one to read
	logs      map[string]map[int32]*replay
	checkedAt time.Time // when it was last asked whether what is to be read is still there

	connected time.Time // when the client was made
}

// restoring is a task on its way.
type restoring struct {
	id        graph.TaskID
	task      *task.Task                // nil until its databases are open
	committed map[string]task.Committed // by input topic
	facts     task.Facts                // of the last look at the cluster
	leaders   map[string]int32          // epochs of those of the changelogs then, by store
	moved     []task.Offset             // that the group is given before the task begins
	spare     string                    // a directory that was set aside until the task is restored
	checks    int                       // that have found a loss
	replays   int                       // changelogs that are being read
	posted    bool                      // given back
	tries     int                       // that have failed since something went well
	told      map[string]int64          // starts of inputs up to which records were deleted, told already
	at        time.Time                 // of the next try; zero while changelogs are read
}

// name is what a task's wait is called.
func (x *restoring) name() string { return "task " + x.id.String() }

// restore starts tasks, some of which may be made already.
func (s *session) restore(tasks []*restoring, committed cluster.Offsets) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &restore{
		session: s, offsets: committed, tasks: tasks, cancel: cancel, done: make(chan struct{}),
		logs: map[string]map[int32]*replay{}, checkedAt: time.Now(),
	}
	for _, x := range tasks {
		x.replays, x.posted, x.at = 0, false, time.Now()
		s.restores[x.id] = r
	}
	events := s.events
	go func() {
		defer close(r.done)
		if err := s.worker.shielded(func() error { return r.run(ctx) }); err != nil && ctx.Err() == nil {
			events.post(func(context.Context) error { return fmt.Errorf("restore: %w", err) })
		}
	}()
}

// stop ends the goroutine and waits for it.
func (r *restore) stop() {
	r.cancel()
	<-r.done
}

// preparedAtOnce is how many tasks are prepared together: the first ones run before the last ones are open.
const preparedAtOnce = 32

func (r *restore) run(ctx context.Context) error {
	defer func() {
		r.each(func(p *replay) { // nobody waits for the records any more
			r.endWait(p)
			r.report(p, RestoreEnded)
		})
		if r.client != nil {
			r.client.Close()
		}
	}()
	for ctx.Err() == nil {
		due, next, left := r.due(time.Now())
		if left == 0 {
			return nil
		}
		if err := r.prepare(ctx, due); err != nil {
			return err
		}
		if err := r.poll(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// due are the tasks to try now, and when the next one is to be; left is how many are not posted yet.
func (r *restore) due(now time.Time) (due []*restoring, next time.Time, left int) {
	next = now.Add(checkAfter)
	for _, x := range r.tasks {
		if x.posted {
			continue
		}
		left++
		switch {
		case x.at.IsZero():
		case x.at.After(now):
			next = earlier(next, x.at)
		case len(due) == preparedAtOnce:
			next = now
		default:
			due = append(due, x)
		}
	}
	if len(due) > 0 {
		next = now // what was just prepared may be read
	}
	return due, next, left
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// prepare takes tasks as far as they get: they run, read their changelogs, or are to be tried again.
func (r *restore) prepare(ctx context.Context, due []*restoring) error {
	for _, step := range []func(context.Context, []*restoring) map[*restoring]error{r.open, r.readInputs, r.plan} {
		if len(due) == 0 || ctx.Err() != nil {
			return nil
		}
		failed := step(ctx, due)
		for x, err := range failed {
			if err := r.tryLater(ctx, x, err); err != nil {
				return err
			}
		}
		due = slices.DeleteFunc(due, func(x *restoring) bool { return failed[x] != nil })
	}
	for _, x := range due {
		x.at = time.Time{}
		r.session.worker.waits.end(x.name())
		if x.replays == 0 {
			r.post(x)
		}
	}
	return nil
}

// Pauses between tries of a task.
const (
	firstTry = 20 * time.Millisecond
	lastTry  = 5 * time.Second
)

// tryLater has a task tried again, unless that would end the same way.
func (r *restore) tryLater(ctx context.Context, x *restoring, err error) error {
	if ctx.Err() != nil {
		return r.repair(x, err) // nobody comes back to it, and its databases must not stay taken
	}
	w := r.session.worker
	r.forget(x)
	if err = errors.Join(err, r.repair(x, err)); classify(err) == fatal {
		return err
	}
	x.tries++
	pause := min(lastTry, firstTry*time.Duration(math.Pow(2, float64(min(x.tries-1, 20)))))
	x.at = time.Now().Add(pause)
	w.waits.because(x.name(), err.Error())
	if x.tries == saidAfter {
		w.config.Logger.Warn("a task has to wait, the others go on", "task", x.id.String(), "error", err,
			"class", classify(err).String())
	}
	return nil
}

// saidAfter is after how many tries the log tells: most of what is in the way for a moment, when tasks move, is not
// worth a line.
const saidAfter = 4

// repair closes the databases of a task if they are what failed, and takes damaged ones out of the way.
func (r *restore) repair(x *restoring, err error) error {
	if !ofEngine(err) {
		return nil
	}
	if x.task != nil {
		err = errors.Join(x.task.End(), r.session.worker.discard(x.id, err))
		x.task = nil
		return err
	}
	return r.session.worker.discard(x.id, err)
}

// post gives a task back to the worker.
func (r *restore) post(x *restoring) {
	x.posted = true
	r.removeSpare(x)
	r.session.events.post(func(ctx context.Context) error {
		if r.session.restores[x.id] != r {
			return nil // revoked meanwhile
		}
		return r.session.startTask(ctx, x)
	})
}

// open makes tasks on their databases.
func (r *restore) open(_ context.Context, due []*restoring) map[*restoring]error {
	failed := map[*restoring]error{}
	for _, x := range due {
		if x.task != nil {
			continue
		}
		if err := r.openOne(x); err != nil {
			failed[x] = err
		}
	}
	return failed
}

// openOne makes a task. What was damaged, or has failed in a former session, is closed and opened anew, once.
func (r *restore) openOne(x *restoring) error {
	t, err := r.session.openTask(x.id)
	if err != nil && ofEngine(err) {
		if err := r.session.worker.discard(x.id, err); err != nil {
			return err
		}
		t, err = r.session.openTask(x.id)
	}
	x.task = t
	return err
}

// ofEngine is true for failures of databases, after which they must be closed.
func ofEngine(err error) bool {
	var failed *task.Error
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrDisk) || errors.As(err, &failed)
}

// readInputs finds where the inputs start that have no committed offset, and where those end that a task must read
// together.
func (r *restore) readInputs(ctx context.Context, due []*restoring) map[*restoring]error {
	inputs := cluster.Partitions{}
	for _, x := range due {
		for _, in := range x.task.Inputs() {
			inputs.Add(in.Topic, in.Partition)
		}
	}
	s, at := r.session, now()
	starts := s.config.Cluster.Starts(ctx, inputs)
	ends := s.config.Cluster.Ends(ctx, inputs)
	stable := s.config.Cluster.StableEnds(ctx, inputs)
	failed := map[*restoring]error{}
	for _, x := range due {
		x.committed, x.leaders = map[string]task.Committed{}, map[string]int32{}
		x.facts = task.Facts{
			Cluster: s.layout.ClusterID, Now: at, Committed: x.committed, Accept: s.config.Accept,
			Inputs: map[string]task.Log{}, Changelogs: map[string]task.Log{},
		}
		for _, in := range x.task.Inputs() {
			start, err1 := starts.Lookup(in.Topic, in.Partition)
			end, err2 := ends.Lookup(in.Topic, in.Partition)
			last, err3 := stable.Lookup(in.Topic, in.Partition)
			c, err := r.begin(ctx, x, in, start, last)
			if err = cmp.Or(err1, err2, err3, err); err != nil {
				failed[x] = err
				break
			}
			x.committed[in.Topic], x.facts.Inputs[in.Topic] = c, s.log(in.Topic, start, end)
		}
	}
	return failed
}

// begin is where an input begins: at the offset that was committed, or chosen, but not before the start of the
// partition, from where nothing would ever come.
func (r *restore) begin(
	ctx context.Context, x *restoring, in *task.Input, start, end int64,
) (c task.Committed, err error) {
	topo, kafka := r.session.config.Topology, r.session.config.Cluster
	c = r.offsets[in.Topic][in.Partition]
	if reset, _ := topo.ResetOf(in.Topic); c.Offset < 0 && reset != graph.Earliest {
		if c, err = kafka.ChooseOffset(ctx, topo, in.Topic, in.Partition); err != nil {
			return c, err
		}
	}
	if c.Start, c.End = start, end; c.Offset < 0 {
		c.Offset, c.Epoch, c.Chosen = start, -1, true
	}
	if err := r.session.checkDeleted(in, c.Offset, start); err != nil {
		return c, err
	}
	if c.Offset < start && x.told[in.Topic] != start {
		if x.told == nil {
			x.told = map[string]int64{}
		}
		x.told[in.Topic] = start
		r.session.config.Logger.Warn("records were deleted before they were read", "topic", in.Topic,
			"partition", in.Partition, "from", c.Offset, "to", start)
	}
	return c, nil
}

// stopRestoring gives up tasks that are on their way. The others of the same restores go on.
func (s *session) stopRestoring(ids []graph.TaskID) error {
	stopped := map[*restore]bool{}
	for _, id := range ids {
		if r := s.restores[id]; r != nil {
			stopped[r] = true
		}
	}
	for r := range stopped {
		r.stop()
		var stay, gone []*restoring
		for _, x := range r.tasks {
			switch {
			case s.restores[x.id] != r: // it runs
			case slices.Contains(ids, x.id):
				gone = append(gone, x)
			default:
				stay = append(stay, x)
			}
		}
		if err := s.giveUp(gone); err != nil {
			return err
		}
		if len(stay) > 0 {
			s.restore(stay, r.offsets)
		}
	}
	return nil
}

// giveUp ends tasks of a restore that has stopped.
func (s *session) giveUp(tasks []*restoring) error {
	var errs []error
	for _, x := range tasks {
		delete(s.restores, x.id)
		s.worker.waits.end(x.name())
		if x.task != nil {
			errs = append(errs, s.worker.leaveTask(x.task))
		}
	}
	return errors.Join(errs...)
}

// stopRestores ends all restores.
func (s *session) stopRestores() error {
	return s.stopRestoring(slices.Collect(maps.Keys(s.restores)))
}
