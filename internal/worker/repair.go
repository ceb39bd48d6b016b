package worker

import (
	"errors"
	"io/fs"
	"os"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
)

// repair closes the databases that made a session fail, and takes damaged ones out of the way. The others stay open.
func (w *Worker) repair(err error) error {
	var failed *task.Error
	id, one, tables := w.damaged(err)
	switch {
	case !ofEngine(err):
		return nil
	case one && tables:
		return errors.Join(w.discard(id, err), w.setTablesAside(err))
	case one:
		return w.discard(id, err)
	case tables:
		return w.setTablesAside(err)
	case !errors.Is(err, store.ErrDisk) && errors.As(err, &failed):
		return w.discard(failed.Task, err)
	}
	w.config.Process.Engines.discardAll(w.config.Index) // the disk is the same for all
	return nil
}

// damaged is what an error found damaged: the database of a task, and whether that of the global tables may be, which a
// task's steps read, too.
func (w *Worker) damaged(err error) (id graph.TaskID, one, tables bool) {
	var process *task.ProcessError
	var failed *task.Error
	switch {
	case !errors.Is(err, store.ErrCorrupt):
		return id, false, false
	case errors.Is(err, task.ErrGlobalTables):
		return id, false, true
	case errors.As(err, &process) && errors.Is(process, store.ErrCorrupt):
		own := process.Task.Sub != graph.GlobalSub
		return process.Task, own, !own || w.config.Topology.Global() != nil
	case errors.As(err, &failed) && errors.Is(failed, store.ErrCorrupt):
		return failed.Task, true, false
	}
	return id, false, false
}

// discard closes the databases of a task that have failed. Damaged ones are taken out of the way: the task is restored
// into new ones. What another worker of the process has by now is left to that one.
func (w *Worker) discard(id graph.TaskID, failure error) error {
	dir := w.taskDir(id)
	var held *HeldError
	if err := w.config.Process.Engines.discard(dir, w.config.Index); errors.As(err, &held) {
		return nil
	} else if err != nil {
		failure = errors.Join(failure, err)
	}
	if !errors.Is(failure, store.ErrCorrupt) {
		return nil
	}
	to, err := store.SetAside(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		w.config.Logger.Warn("damaged state set aside; it is restored from the changelogs",
			"task", id.String(), "to", to, "error", failure)
	}
	return err
}

// setTablesAside takes damaged global tables out of the way: all rows are read again.
func (w *Worker) setTablesAside(damage error) error {
	_ = w.config.Process.Engines.discard(w.globalDir(), w.config.Index) // that it is damaged
	to, err := store.SetAside(w.globalDir())
	if err == nil {
		w.config.Logger.Warn("damaged global tables set aside; they are read again", "to", to, "error", damage)
	}
	return err
}

// copyStores copies stores that only their directory has, which the worker has open, into a new directory. It is closed
// again, and gone if that fails.
func (w *Worker) copyStores(specs []storage.Spec, from, to string) error {
	w.config.Process.Engines.release(from, w.config.Index)
	old, err := w.config.Process.Engines.acquire(from, w.config.Index)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil { // of a process that died here
		return err
	}
	fresh, err := w.config.Process.Engines.acquire(to, w.config.Index)
	if err == nil {
		err = errors.Join(task.CopyStores(specs, old.Disk, fresh.Disk), w.config.Process.Engines.discard(to, w.config.Index))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return nil
}

// shielded makes an error of a panic, of an engine for example. Those of steps have become errors by then.
func (w *Worker) shielded(call func() error) error {
	err := task.Shielded(call)
	var panicked *task.PanicError
	var known *task.ProcessError
	if errors.As(err, &panicked) && !errors.As(err, &known) {
		w.config.Logger.Error("panic outside of the steps", "error", err, "stack", string(panicked.Stack))
	}
	return err
}
