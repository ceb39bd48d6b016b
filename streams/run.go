package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/millstream-go/millstream/internal/calls"
	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/invariants"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// run is what there is of an App while Run is at work. It is apart from the App so that programs that only name that
// type do not read, and compile, the types of clients and databases.
type run struct {
	app     *App
	process *worker.Process
	cluster *cluster.Cluster
	rows    *rows.Budget
	calls   *calls.Pool
	workers []*worker.Worker
}

// whole is from the lock on the state directory to its end.
func (r *run) whole(ctx context.Context) (err error) {
	a := r.app
	lock, err := store.Lock(a.config.appDir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	serdes, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	early := context.AfterFunc(ctx, stop)
	if err := startSerdes(serdes, a.topo); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before anything was done
		}
		return err
	}
	fresh := store.Fresh(a.config.appDir())
	id, err := store.ProcessID(a.config.appDir())
	if err != nil {
		return err
	}
	r.process = &worker.Process{ID: id}
	a.begin(id)
	r.cluster, err = cluster.Connect(ctx, setupOf(a), clientOpts(a, Client{Role: AdminClient}))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // stopped before anything was done
	case err != nil:
		return err
	}
	defer r.cluster.Close()
	meet(a, r.cluster)
	defer meet(a, nil)
	if fresh {
		a.config.Logger.Info("a new state directory: the process is a new member of the group and restores all state that "+
			"it gets; the tasks of one that it replaces come once SessionTimeout is over, unless that one has left",
			"dir", a.config.appDir(), "session_timeout", a.config.SessionTimeout.String())
	} else {
		r.cluster.Retire(ctx, r.process.ID, a.config.Workers, r.fenceTimeout())
	}
	early()
	return r.work(ctx, stop)
}

// startSerdes makes those ready that need it: schemas that a registry refuses end the application here.
func startSerdes(ctx context.Context, topo *graph.Topology) error {
	for _, u := range topo.Uses() {
		if err := serde.Start(ctx, u.Use, u.Serdes...); err != nil {
			return err
		}
	}
	return nil
}

// fenceTimeout is that of transactions, 0 if there are none.
func (r *run) fenceTimeout() time.Duration {
	if r.app.config.Guarantee == AtLeastOnce {
		return 0
	}
	return r.app.config.TransactionTimeout
}

// work runs all workers until ctx ends or one of them fails for good, which ends the others. Serdes that wait are
// stopped after the workers have been told: the worker in whose step one waits must know why.
func (r *run) work(ctx context.Context, stopSerdes func()) error {
	a := r.app
	stores := store.NewBudget(a.config.MemoryBytes/4, r.cluster.Tasks())
	defer stores.Close()
	r.rows = storage.NewBudget(a.config.MemoryBytes / 8 * 3)
	r.calls = calls.NewPool(a.config.Logger.With("app", a.config.AppID))
	r.process.Engines = worker.NewEngines(openEngine(a.config, stores))
	group, work := errgroup.WithContext(ctx)
	r.workers = make([]*worker.Worker, a.config.Workers)
	for i := range r.workers {
		r.workers[i] = worker.New(r.config(i))
		a.show(i, r.workers[i])
	}
	defer context.AfterFunc(work, func() {
		for _, w := range r.workers {
			w.Interrupt()
		}
		stopSerdes()
		a.setState(Stopping)
		time.AfterFunc(a.config.ShutdownTimeout, func() { r.giveUp(ctx, work) })
	})()
	for _, w := range r.workers {
		// A worker owns its tasks and its client; it ends with ctx.
		group.Go(func() error { return w.Run(work) })
	}
	if err := group.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	return errExited
}

// giveUp ends the waiting for workers when the time to stop is over. A worker that is in the code of a step may never
// end; Run then returns without it.
func (r *run) giveUp(ctx, work context.Context) {
	errs := make([]error, len(r.workers))
	var wait sync.WaitGroup
	for i, w := range r.workers {
		wait.Go(func() { errs[i] = w.GiveUp() })
	}
	wait.Wait()
	err := errors.Join(errs...)
	if err == nil {
		return
	}
	if err = error(&worker.ShutdownError{Err: err}); ctx.Err() == nil {
		err = errors.Join(context.Cause(work), err) // the error of another worker, for which all of them stop
	}
	r.app.gaveUp <- err
}

// errExited: a worker returns nil only when ctx has ended.
var errExited = errors.New("the code of a step has ended its goroutine: " +
	"it must not call runtime.Goexit, as FailNow of a test does")

// config is that of a worker.
func (r *run) config(i int) worker.Config {
	a, c := r.app, r.app.config
	log := c.Logger.With("app", c.AppID, "worker", i)
	return worker.Config{
		Topology: a.topo, ExactlyOnce: c.Guarantee == ExactlyOnce, Identity: cluster.Identity(c.AppID, r.process.ID, i),
		Process: r.process, StayOnStop: c.StayOnStop, CleanupDelay: c.CleanupDelay,
		Index: i, Endpoint: c.Endpoint, StateDir: c.appDir(),
		WindowRetention: c.WindowRetention, SessionTimeout: c.SessionTimeout, TransactionTimeout: c.TransactionTimeout,
		ShutdownTimeout: c.ShutdownTimeout, TopicRefresh: c.TopicRefresh, StallTimeout: c.StallTimeout,
		Client:  func(role cluster.Role) []kgo.Opt { return clientOpts(a, Client{Role: role, Worker: i}) },
		Cluster: r.cluster, Accept: c.accept(), Logger: log,
		Report: func(e worker.Event) { a.told(i, e) },
		Task: task.Config{
			OnError: c.OnError, DeadLetterTopic: c.DeadLetterTopic,
			Buffer: c.BufferedRecords, BufferBytes: bufferBytes, MaxIdle: c.MaxIdle.Milliseconds(),
			MaxJump:        c.MaxTimeJump.Milliseconds(),
			TimeBack:       c.timeBack(),
			CommitInterval: c.CommitInterval.Milliseconds(),
			Budget:         r.rows, WatchValues: invariants.Enabled, Drops: &a.drops, Failures: &a.failures, Logger: log,
			Caller:  r.calls,
			Readers: a.readers.(*task.Readers),
		},
	}
}

// bufferBytes is how much of a partition may wait in a task before it is paused.
const bufferBytes = 4 << 20

// openEngine is Config.OpenEngine, or Pebble.
func openEngine(c Config, stores *store.Budget) func(dir string) (state.Engine, error) {
	open, log := c.OpenEngine, c.Logger.With("app", c.AppID)
	if open == nil {
		return func(dir string) (state.Engine, error) {
			return store.OpenPebble(dir, store.Options{Budget: stores, Logger: log})
		}
	}
	return func(dir string) (state.Engine, error) {
		engine, err := open(dir)
		if err == nil && engine == nil {
			err = errors.New("no engine")
		}
		if err != nil {
			return nil, &cluster.SettingsError{Setting: "Config.OpenEngine", Err: fmt.Errorf("open %s: %w", dir, err)}
		}
		return engine, nil
	}
}
