package worker

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// Config is what a worker needs to run.
type Config struct {
	Topology    *graph.Topology // in a session: with topics in place of patterns
	ExactlyOnce bool
	Task        task.Config
	// Identity is the group instance id and the transactional id of this worker: <app>-<process>-<worker>.
	Identity           string
	Process            *Process
	Index              int           // of the worker in its process
	Endpoint           string        // at which others ask this process; empty: nobody does
	StateDir           string        // of the application; tasks have directories in it
	WindowRetention    time.Duration // what changelogs of windows are kept longer than their stores
	SessionTimeout     time.Duration
	TransactionTimeout time.Duration
	ShutdownTimeout    time.Duration
	StallTimeout       time.Duration                // without a commit, although there is something to commit
	StayOnStop         bool                         // keep the place in the group when ctx ends
	CleanupDelay       time.Duration                // before state of tasks that other processes have is removed; 0: never
	TopicRefresh       time.Duration                // between looks for topics that match a pattern
	Client             func(cluster.Role) []kgo.Opt // brokers, security, logger: asked for each client
	Cluster            *cluster.Cluster
	Accept             task.Accept // what may have been lost
	Logger             *slog.Logger
	// Report is told what happens, in this order, by whichever goroutine it happens on. It must not block.
	Report func(Event)
}

// State is what a worker is doing.
type State int

const (
	Stalled   State = iota - 1 // there is something to commit, and has been for too long
	Joining                    // waiting for the group
	Restoring                  // at least one task is not running yet
	Running
)
