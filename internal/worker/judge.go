package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
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

// untilConfirmed is a loss to look at again: an error that passes.
func untilConfirmed(err error, looks *int) error {
	if !mayPass(err) || *looks == confirmations {
		return err
	}
	*looks++
	return fmt.Errorf("another look at the logs: %v", err)
}

// judge decides what becomes of a task's local state. One that does not fit is set aside.
func (r *restore) judge(x *restoring) error {
	if written, err := x.task.Settle(x.facts.Committed); err != nil {
		return err
	} else if written {
		if err := r.remake(x); err != nil {
			return err
		}
	}
	v, err := x.task.Judge(x.facts)
	if err != nil {
		return untilConfirmed(err, &x.checks)
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

// remake makes a task anew on its databases, which have changed.
func (r *restore) remake(x *restoring) (err error) {
	engines := x.task.Engines()
	if err = x.task.End(); err != nil {
		return err
	}
	x.task, err = r.session.set.Make(x.id, engines)
	return err
}

// log is a partition as the cluster has it.
func (s *session) log(topic string, start, end int64) task.Log {
	return task.Log{Topic: s.layout.TopicIDs[topic], Start: start, End: end, Forgets: s.layout.DeleteRetention[topic]}
}

// freshSuffix is of the directory in which a database is made that takes the place of another.
const freshSuffix = ".fresh"

// renew sets a task's databases aside, and makes the task on new ones. The old ones stay until the task is restored,
// and for good if the changelogs may not have all that they have. Stores that only the directory has are copied before
// anything else is changed: if that fails, everything is as it was.
func (r *restore) renew(x *restoring, v task.Verdict) error {
	w, dir, unlogged := r.session.worker, r.session.worker.taskDir(x.id), x.task.Unlogged(x.facts)
	err := x.task.End()
	x.task = nil
	if err == nil && len(unlogged) > 0 {
		err = w.copyStores(unlogged, dir, dir+freshSuffix)
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
	x.task, err = r.session.openTask(x.id)
	return err
}

// removeSpare removes what was set aside of a task, now that it is restored.
func (r *restore) removeSpare(x *restoring) {
	if x.spare == "" {
		return
	}
	if err := os.RemoveAll(x.spare); err != nil {
		r.session.config.Logger.Warn("what was set aside could not be removed", "task", x.id.String(), "error", err)
	}
	x.spare = ""
}
