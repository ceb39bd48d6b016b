package worker

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
)

// Engines are the databases of a process, by directory. All its workers share them.
//
// They outlive sessions: a worker that begins again finds its tasks' databases open, as they were at the last commit,
// and a task that goes to another worker of the process takes its own along. What nobody takes is closed after a while.
type Engines struct {
	open func(dir string) (store.Engine, error)

	mu struct {
		sync.Mutex
		byDir map[string]*engines
	}
	closing sync.WaitGroup
}

// engines are one directory's, from when they are opened until they are closed.
type engines struct {
	*task.Engines           // nil while they are being opened
	worker        int       // that has, or had, them
	idle          time.Time // when they were given back; zero while they are in use
	closing       bool      // and then gone
}

// keepIdle is how long databases stay open for the next session.
const keepIdle = 10 * time.Second

// NewEngines are none yet; open opens what is needed.
func NewEngines(open func(dir string) (store.Engine, error)) *Engines {
	e := &Engines{open: open}
	e.mu.byDir = map[string]*engines{}
	return e
}

// HeldError means that a worker of this process still has a database: it stands still, and the group has given its task
// to another one. It passes.
type HeldError struct {
	Dir    string
	Worker int
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("worker %d of this process still has the state of %s, which the group has given to another one",
		e.Worker, filepath.Base(e.Dir))
}

// acquire opens the databases of a directory for a worker, unless they are open. A HeldError means that another worker
// has them.
func (e *Engines) acquire(dir string, worker int) (*task.Engines, error) {
	entry, err := e.reserve(dir, worker)
	if err != nil || entry.Engines != nil {
		return entry.Engines, err
	}
	var engine store.Engine
	err = task.Shielded(func() (err error) { engine, err = e.open(dir); return err })
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		delete(e.mu.byDir, dir)
		return nil, err
	}
	entry.Engines = &task.Engines{Disk: engine}
	return entry.Engines, nil
}

// reserve finds the databases of a directory, or makes a place for them. The entry is the caller's.
func (e *Engines) reserve(dir string, worker int) (*engines, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	entry := e.mu.byDir[dir]
	switch {
	case entry == nil:
		entry = &engines{}
		e.mu.byDir[dir] = entry
	case entry.closing, entry.idle.IsZero():
		return &engines{}, &HeldError{Dir: dir, Worker: entry.worker}
	}
	entry.worker, entry.idle = worker, time.Time{}
	return entry, nil
}

// release gives databases back that are as they were at the last commit, if the worker has them.
func (e *Engines) release(dir string, worker int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if entry := e.mu.byDir[dir]; entry != nil && entry.worker == worker && !entry.closing {
		entry.idle = time.Now()
	}
}

// discard closes the databases of a directory, which may be damaged, if the worker has them or nobody does. A HeldError
// means that another worker has them: what is wrong with them is that one's affair now.
func (e *Engines) discard(dir string, worker int) error {
	entry, err := e.seize(dir, worker)
	if err != nil || entry == nil {
		return err
	}
	if entry.Engines != nil {
		err = entry.Close()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mu.byDir, dir)
	return err
}

// seize takes what is about to be closed, so that nobody else does; nil if nothing is open.
func (e *Engines) seize(dir string, worker int) (*engines, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	entry := e.mu.byDir[dir]
	switch {
	case entry == nil:
		return nil, nil
	case entry.closing, entry.idle.IsZero() && entry.worker != worker:
		return nil, &HeldError{Dir: dir, Worker: entry.worker}
	}
	entry.worker, entry.idle, entry.closing = worker, time.Time{}, true
	return entry, nil
}

// closeIdle closes what a worker gave back a while ago, in the background: it was not given the tasks again. What is
// due will be taken.
func (e *Engines) closeIdle(
	worker int, after time.Duration, due map[string]bool, failed func(dir string, err error),
) {
	dirs := e.idle(worker, after, due)
	if len(dirs) == 0 {
		return
	}
	// Ends when they are closed; what it closes nobody else can take. leave waits for it.
	e.closing.Go(func() {
		for _, dir := range dirs {
			if err := e.discard(dir, worker); err != nil {
				failed(dir, err)
			}
		}
	})
}

// idle takes what a worker gave back a while ago and is not due, so that nobody else does.
func (e *Engines) idle(worker int, after time.Duration, due map[string]bool) (dirs []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for dir, entry := range e.mu.byDir {
		if !due[dir] && entry.worker == worker && !entry.idle.IsZero() && time.Since(entry.idle) >= after {
			entry.idle = time.Time{}
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// discardAll closes what a worker gave back, which may have failed.
func (e *Engines) discardAll(worker int) {
	for _, dir := range e.idle(worker, 0, nil) {
		_ = e.discard(dir, worker) // it has been told
	}
}

// leave closes all that a worker has or had: it ends.
func (e *Engines) leave(worker int) error {
	e.closing.Wait()
	e.mu.Lock()
	var dirs []string
	for dir, entry := range e.mu.byDir {
		if entry.worker == worker {
			dirs = append(dirs, dir)
		}
	}
	e.mu.Unlock()
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, e.discard(dir, worker))
	}
	return errors.Join(errs...)
}
