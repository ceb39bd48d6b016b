package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
	"github.com/millstream-go/millstream/topology"
)

// State is what an App is doing.
type State int

const (
	Created   State = iota // Run has not been called
	Starting               // waiting for brokers, checking topics
	Joining                // waiting for the group, at the start or after a failure
	Restoring              // some tasks are not running yet
	Running                // all tasks of all workers are running
	Stalled                // a worker has something to commit, and no commit for Config.StallTimeout: the log says why
	Stopping               // the context has ended: committing
	Stopped                // Run has returned nil
	Failed                 // Run has returned an error
)

// String is the name of the state in lower case.
func (s State) String() string {
	return [...]string{
		"created", "starting", "joining", "restoring", "running", "stalled", "stopping", "stopped", "failed",
	}[s]
}

// App runs a topology against Kafka. Any number of processes with the same application id share its tasks.
type App struct {
	topo     *graph.Topology
	config   Config
	started  atomic.Bool
	drops    task.Drops
	failures task.Failures
	readers  readers
	events   *listening
	// What all Kafka clients share, see clientOpts.
	warnings warnings
	reach    *reach
	gaveUp   chan error // gets an error if a step is still at work when the time to stop is over

	telling sync.Mutex // while something is told, so that all is told in its order
	mu      struct {
		sync.Mutex
		state   State
		since   time.Time // of the state
		process string    // id of the state directory
		workers []picture
		commits []Commit // the last ones
		times   commitTimes
		history history
		group   group  // nil unless it runs
		err     string // why a worker began again last, or the App failed
		errAt   time.Time
	}
}

// New makes an App that is not running yet. The error joins everything that is wrong with the settings.
func New(topo *topology.Topology, config Config) (*App, error) {
	if topo == nil {
		return nil, errors.New("streams: the topology is nil: Build returned an error in its place")
	}
	config = config.withDefaults(topo.App())
	compiled, err := (*graph.Topology)(topo).WithApp(config.AppID)
	if err == nil {
		err = config.checkDeadLetters(compiled)
	}
	if err := errors.Join(err, config.validate()); err != nil {
		return nil, err
	}
	a := &App{
		topo: compiled, config: config, gaveUp: make(chan error, 1), events: newListening(config.Events, config.Logger),
		readers: &task.Readers{}, warnings: newWarnings(config.Logger.Handler()), reach: newReach(config.Logger),
	}
	if err := cluster.CheckTopicConfigs(setupOf(a)); err != nil {
		return nil, err
	}
	return a, nil
}

// Run processes until ctx ends; then it finishes the record in work, commits and returns nil. It returns an error if it
// cannot start, or cannot go on. Brokers that go away while it runs are waited for. Run may be called once.
//
// A stop that could not commit what was done is a ShutdownError. If the code of a step is still at work when
// ShutdownTimeout is over, Run does not wait for it: it returns a BusyError, and the state directory stays locked until
// the code returns.
//
// With Config.StayOnStop it keeps its place in the group for Config.SessionTimeout.
func (a *App) Run(ctx context.Context) error {
	if !a.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer a.events.end(a.config.ShutdownTimeout)
	a.events.begin()
	a.setState(Starting)
	ended := make(chan error, 1)
	// Ends when all workers have, and what they used is closed: after Run, if one was given up.
	go func() {
		err := errExited
		defer func() { ended <- err }()
		err = (&run{app: a}).whole(ctx)
	}()
	var err error
	select {
	case err = <-ended:
	case err = <-a.gaveUp:
	}
	if err != nil {
		a.config.Logger.Error("application failed", failure(a.config.AppID, err)...)
		a.failed(err)
		a.setState(Failed)
		return fmt.Errorf("streams: application %s: %w", a.config.AppID, err)
	}
	a.setState(Stopped)
	return nil
}

// failure are the attributes of the last line of the log: with the stack of a panic, which the text of its error lacks.
func failure(app string, err error) []any {
	attrs := []any{"app", app, "error", err}
	var panicked *task.PanicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, "stack", string(panicked.Stack))
	}
	return attrs
}

// setupOf is what the library wants of the cluster. It is no method, nor are the other functions that know of clients:
// see run.
func setupOf(a *App) cluster.Setup {
	c := a.config
	return cluster.Setup{
		Topology: a.topo, DeadLetterTopic: c.DeadLetterTopic, ReplicationFactor: c.ReplicationFactor,
		WindowRetention: c.WindowRetention, TopicConfigs: c.TopicConfigs, AllowLostState: c.AllowNewStores,
		Wait: c.StartTimeout, Logger: c.Logger, ExactlyOnce: c.Guarantee == ExactlyOnce,
	}
}

// told passes on what a worker tells.
func (a *App) told(i int, e worker.Event) {
	if s, ok := e.(worker.State); ok {
		a.report(i, s)
		return
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	a.note(i, e)
	if _, ok := e.(worker.View); ok {
		return
	}
	a.events.add(eventOf(e))
	if _, ok := e.(worker.Commit); ok {
		for _, d := range a.drops.Take() {
			a.events.add(drops{dropsOf(d)})
		}
	}
}

// report derives the App's state from those of its workers: it is where the one furthest behind is.
func (a *App) report(i int, s worker.State) {
	a.changeState(func(was State) State {
		a.mu.workers[i].state = s
		if was >= Stopping {
			return was
		}
		for _, w := range a.mu.workers {
			s = min(s, w.state)
		}
		return stateOf(s)
	})
}

// stateOf is the state of a worker as that of an App.
func stateOf(s worker.State) State {
	return map[worker.State]State{
		worker.Stalled: Stalled, worker.Joining: Joining, worker.Restoring: Restoring, worker.Running: Running,
	}[s]
}

// setState changes the state, but not back to one before it, as a worker that was given up would.
func (a *App) setState(s State) {
	a.changeState(func(was State) State { return max(was, s) })
}

// changeState works out the next state and tells of it, one call after the other: so the last state is that of the last
// report, and Events.StateChanged hears of all in their order.
func (a *App) changeState(next func(was State) State) {
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	was := a.mu.state
	is := next(was)
	if a.mu.state = is; was != is {
		a.mu.since = time.Now()
		a.mu.history.state(a.mu.since, was, is)
	}
	a.mu.Unlock()
	if was != is {
		a.config.Logger.Info("state", "app", a.config.AppID, "was", was.String(), "is", is.String())
		a.events.add(stateChange{was, is})
	}
}

// MarshalText is String, for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *State) UnmarshalText(text []byte) error {
	for of := Created; of <= Failed; of++ {
		if of.String() == string(text) {
			*s = of
			return nil
		}
	}
	return fmt.Errorf("streams: %q is no state of an App", text)
}

// Topology is what the App runs. It does not change.
func (a *App) Topology() *topology.Topology { return (*topology.Topology)(a.topo) }

// State is what the App is doing now.
func (a *App) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.state
}

// Dropped is the number of records that were dropped since the start, by reason. Records that are processed again after
// a failure are counted again.
func (a *App) Dropped() map[graph.DropReason]int64 { return a.drops.Counts() }
