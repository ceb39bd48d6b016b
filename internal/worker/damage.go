package worker

import (
	"errors"
	"path/filepath"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// mend sets aside the databases that an error, with those of closing them, found damaged. It returns the error.
func (w *Worker) mend(err error) error {
	for id := range damaged(err) {
		err = errors.Join(err, w.setAside(id, err))
	}
	return err
}

// damaged are the tasks whose databases an error found damaged; the global tables count as one. A database that is
// damaged says so when it is closed, which tells more than the record that met it: it may have been reading another
// task's rows, those of a global table.
func damaged(err error) map[topology.TaskID]bool {
	ids := map[topology.TaskID]bool{}
	each(err, func(err error) {
		if failed, ok := err.(*task.Error); ok && errors.Is(failed, store.ErrCorrupt) {
			ids[failed.Task] = true
		}
	})
	var process *task.ProcessError
	if len(ids) == 0 && errors.As(err, &process) && errors.Is(process, store.ErrCorrupt) {
		ids[process.Task] = true
	}
	return ids
}

// each visits an error and all that it wraps.
func each(err error, visit func(error)) {
	visit(err)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		each(err.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, err := range err.Unwrap() {
			each(err, visit)
		}
	}
}

// setAside takes a damaged database out of the way: its rows are restored into a new one.
func (w *Worker) setAside(id topology.TaskID, damage error) error {
	to, err := store.SetAside(w.dir(id))
	if err == nil {
		w.config.Logger.Warn("damaged state set aside; it is restored from its topics",
			"task", id.String(), "to", to, "error", damage)
	}
	return err
}

// dir is where the database of a task lies.
func (w *Worker) dir(id topology.TaskID) string {
	if id.Sub == topology.GlobalSub {
		return w.globalDir()
	}
	return filepath.Join(w.config.StateDir, id.String())
}
