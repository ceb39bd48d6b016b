package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
)

// confirmations is how often a log that seems to have lost records is looked at again before it is believed: a new
// leader may not know yet what it has.
const confirmations = 6

// mayPass is true for losses that another look at the logs may take back.
func mayPass(err error) bool {
	var input *task.LostInputError
	var rows *task.LostStateError
	return errors.As(err, &input) && !input.Anew || errors.As(err, &rows) && rows.Topic != ""
}

// unconfirmed is a loss to look at again: an error that passes.
func unconfirmed(err error, looks *int) error {
	if !mayPass(err) || *looks == confirmations {
		return err
	}
	*looks++
	return fmt.Errorf("another look at the logs: %v", err)
}

// judge decides what becomes of a task's local state. One that does not fit is set aside.
func (r *restore) judge(x *restoring) error {
	v, err := x.task.Judge(x.facts)
	if err != nil {
		return unconfirmed(err, &x.looks)
	}
	x.moved = v.Moved
	if v.Stale == "" {
		return nil
	}
	if err := r.renew(x, v); err != nil {
		return err
	}
	_, err = x.task.Judge(x.facts)
	return err
}

// log is a partition as the cluster has it.
func (w *Worker) log(topic string, start, end int64) task.Log {
	return task.Log{Topic: w.layout.TopicIDs[topic], Start: start, End: end, Forgets: w.layout.DeleteRetention[topic]}
}

// freshSuffix is of the directory in which a database is made that takes the place of another.
const freshSuffix = ".fresh"

// renew sets a task's databases aside, and makes the task on new ones. The old ones stay until the task is restored,
// and for good if the changelogs may not have all that they have. Stores that only the directory has are copied before
// anything else is changed: if that fails, everything is as it was.
func (r *restore) renew(x *restoring, v task.Verdict) error {
	w, dir, unlogged := r.worker, r.worker.taskDir(x.id), x.task.Unlogged(x.facts)
	err := x.task.End()
	x.task = nil
	if err == nil && len(unlogged) > 0 {
		err = w.bringOver(unlogged, dir, dir+freshSuffix)
	}
	if err = errors.Join(err, w.config.Process.Engines.discard(dir, w.config.Index)); err != nil {
		return err
	}
	to, err := store.Retire(dir)
	if to == "" && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(unlogged) > 0 {
		if err := os.Rename(dir+freshSuffix, dir); err != nil {
			return errors.Join(err, os.Rename(to, dir))
		}
	}
	w.config.Logger.Warn("local state does not fit and is set aside; it is restored from the changelogs",
		"task", x.id.String(), "reason", v.Stale, "to", to)
	if v.Spare {
		x.spare = to
	}
	x.task, err = w.openTask(x.id)
	return err
}

// bringOver copies stores that only their directory has, which the worker has open, into a new directory. It is closed
// again, and gone if that fails.
func (w *Worker) bringOver(specs []state.Spec, from, to string) error {
	w.config.Process.Engines.give(from, w.config.Index)
	old, err := w.config.Process.Engines.take(from, w.config.Index)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil { // of a process that died here
		return err
	}
	fresh, err := w.config.Process.Engines.take(to, w.config.Index)
	if err == nil {
		err = errors.Join(task.BringOver(specs, old.Disk, fresh.Disk), w.config.Process.Engines.discard(to, w.config.Index))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return nil
}

// removeSpare removes what was set aside of a task, now that it is restored.
func (r *restore) removeSpare(x *restoring) {
	if x.spare == "" {
		return
	}
	if err := os.RemoveAll(x.spare); err != nil {
		r.worker.config.Logger.Warn("what was set aside could not be removed", "task", x.id.String(), "error", err)
	}
	x.spare = ""
}

// errOffsetsMoved ends a session, so that the next one begins at offsets that the group was given.
var errOffsetsMoved = errors.New("worker: the group was given other offsets")

// movesGather is how long a session goes on with tasks that are being restored, once the group was given other offsets:
// they may be given some, too. What has been read by then is kept.
const movesGather = 2 * time.Second

// move gives the group the offsets from which a task goes on. Its inputs rest until the session ends, soon.
func (w *Worker) move(ctx context.Context, x *restoring) error {
	err := x.task.Doubt()
	if err == nil {
		err = w.commitOffsets(ctx, x.moved)
	}
	if err == nil && w.movedAt.IsZero() {
		w.movedAt = time.Now()
	}
	return errors.Join(err, w.leaveTask(x.task))
}

// moves ends the session, with what it has done, when the group was given other offsets: at once if no task is on its
// way, and soon even if one is for long.
func (w *Worker) moves(ctx context.Context) error {
	if w.movedAt.IsZero() || len(w.restores) > 0 && time.Since(w.movedAt) < movesGather {
		return nil
	}
	if err := w.leaveLayout(ctx); !errors.Is(err, cluster.ErrTopicsChanged) {
		return err
	}
	return errOffsetsMoved
}

// settled is when no task is to be restored any more.
func (w *Worker) settled() {
	if len(w.restores) == 0 && w.movedAt.IsZero() {
		w.report(Running)
	}
}
