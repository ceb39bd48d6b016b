package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
)

// Guarantee is what holds for results when processes, brokers or networks fail.
type Guarantee int

const (
	// ExactlyOnce commits outputs, state and input offsets in one transaction: a reader of committed records sees the
	// effect of each input record once.
	ExactlyOnce Guarantee = iota
	// AtLeastOnce loses nothing, but after a failure results may be repeated, and aggregates may count records twice.
	AtLeastOnce
)

// String is exactly-once or at-least-once.
func (g Guarantee) String() string { return [...]string{"exactly-once", "at-least-once"}[g] }

// ErrorPolicy says what becomes of a record that fails: it does not decode, its processing or the encoding of its
// results fails, or Kafka refuses them. It is one of the actions Fail, Skip and DeadLetter, or a PolicyFunc, which
// decides by the error. Some errors end the application whatever it says: a database that cannot be read, a value that
// was changed in place, keys without fixed bytes, and what has no input record, but for punctuations.
//
// A record that Kafka refuses, as it is too large for example, costs more than others: the transaction is lost, the
// worker begins again from the last commit and sends records one by one, or in smaller batches, until it knows which
// one it is, and then once more without it.
type ErrorPolicy = task.Policy

// PolicyFunc is a function as an ErrorPolicy. It is called by all workers at once. It must not keep the error, whose
// Key and Value belong to the fetch that they came with.
type PolicyFunc = task.PolicyFunc

// ErrorAction is what becomes of a record that failed, and the ErrorPolicy that always says so.
type ErrorAction = task.Action

// The actions. In each case the record's outputs and its writes to stores are taken back first.
const (
	Fail       = task.Fail       // Run returns a ProcessError: the default
	Skip       = task.Skip       // the record is counted and left out; the log has a line for many of them
	DeadLetter = task.DeadLetter // the same, and it is sent to Config.DeadLetterTopic within the transaction
)

// ErrorCause is in which part of its way a record failed, see ProcessError.Cause.
type ErrorCause = task.Cause

// The causes.
const (
	ProcessingError  = task.Processing  // the function of a step returned an error or panicked
	DecodingError    = task.Decoding    // its key, value or timestamp could not be read
	EncodingError    = task.Encoding    // a sink could not make the bytes of its result, or choose where they go
	ProducingError   = task.Producing   // Kafka refused what was made of it
	PunctuationError = task.Punctuation // there is no record: a punctuation failed
)

// Accept is what an App goes on with although something has been lost: any of the values below, joined by |.
type Accept = task.Accept

// What can be accepted.
const (
	// AcceptLostOffsets: see LostOffsetsError. Inputs without an offset are read as their topics' declarations say, and
	// those that were set back from there: what the state has counted may be counted again.
	AcceptLostOffsets = task.AcceptLostOffsets
	// AcceptLostInput: see LostInputError. An input that is shorter than its offset is read on from its end, one that was
	// created anew from its start, both on top of the state. Global tables are read again.
	AcceptLostInput = task.AcceptLostInput
	// AcceptLostState: see LostStateError. A store is restored from what its changelog has; the rows that were there stay
	// beside, in <task>.stale-<time>. One without a changelog goes on with what its directory has.
	AcceptLostState = task.AcceptLostState
)

// Config is the settings of an App. The zero value, with Brokers, is a sound start for production. By theme, in the
// order below:
//   - Kafka, and the application's place in it: Brokers, Kafka, KafkaFor, AppID, Endpoint
//   - state: StateDir, OpenEngine, MemoryBytes, CleanupDelay
//   - work: Guarantee, CommitInterval, Workers, BufferedRecords, MaxIdle
//   - errors, and what has been lost: OnError, DeadLetterTopic, MaxTimeJump, SetTimeBack, Accept
//   - internal topics: ReplicationFactor, TopicConfigs, WindowRetention, AllowNewStores, TopicRefresh
//   - starts, stops and limits of time: StartTimeout, SessionTimeout, TransactionTimeout, StallTimeout,
//     ShutdownTimeout, StayOnStop
//   - what it tells: Logger, Events
type Config struct {
	// Brokers are addresses, host:port, at which the cluster is found. Default: localhost:9092.
	Brokers []string
	// Kafka is passed to every client: TLS, SASL, dialer, client id, rack, compression, sizes of fetches and batches.
	// What the library needs for its guarantees, such as group, transactional id and isolation level, it sets after
	// these.
	Kafka []kgo.Opt
	// KafkaFor gives further options of one client, after those of Kafka. It is called whenever a client is made, by
	// several goroutines at a time, and a worker makes another whenever it begins again. It is the place for hooks that
	// serve one client only, such as franz-go's kprom: give each client one of its own. Default: none.
	KafkaFor func(c Client) []kgo.Opt
	// AppID is the application id: the name of the consumer group and the prefix of internal topics and transactional
	// ids. Default: the name given to NewBuilder. All processes of an application have the same.
	AppID string
	// Endpoint is the URL at which other processes of the application ask this one for rows of its stores: that below
	// which it serves inspect.Handler, for example http://10.0.0.7:8080/millstream. It travels with the metadata of the
	// group, and App.Owner tells it. Default: none.
	Endpoint string

	// Connectors are shown with the App: in Snapshot, metrics and the page. Whoever makes the App runs them, with the same
	// context, say. Their names differ. Default: none.
	Connectors []Connector

	// StateDir is the directory for local state; an application's lies in a directory of its id in it. It must be the
	// process's own, and should outlive the process: then a restart replays at most what the last CommitInterval wrote
	// to each changelog, instead of all state. With it the process also keeps its identity, so that its tasks come back
	// at once. Default: millstream-state.
	StateDir string
	// OpenEngine opens the engine that keeps the rows of a task in a directory of its own, which may not exist yet. It
	// is called by all workers. An error that wraps state.ErrCorrupt has the directory set aside and the task restored
	// into a new one; a full disk that is told with state.ErrDisk is waited for; other errors end the application. The
	// engine must pass statetest.Run. Default: Pebble.
	OpenEngine func(dir string) (state.Engine, error)
	// MemoryBytes is the memory for state, over all workers: a quarter for the databases' caches and buffers, three
	// eighths for rows that are kept decoded, and as much again for Go's garbage collector, which lets a heap grow
	// before it cleans up. It does not cover records on their way from and to Kafka, some 60 MB a worker. Default: 256
	// MB.
	MemoryBytes int64
	// CleanupDelay is how long the state of a task is kept on disk after another process has got the task, in case it
	// comes back. It is kept longer until the other one has gone on with the task, and so has restored the state.
	// Negative: for ever. Default: 10 minutes.
	CleanupDelay time.Duration

	// Guarantee is ExactlyOnce by default.
	Guarantee Guarantee
	// CommitInterval is the time between commits. It bounds what a restart replays and, exactly once, how long results
	// wait to be seen. Default: 100 ms exactly once, 30 s at least once. Memory pressure makes commits earlier.
	CommitInterval time.Duration
	// Workers is the number of goroutines that process, each with its own client and tasks. Those that are more than
	// there are tasks, over all processes, are idle. Default: 1.
	Workers int
	// BufferedRecords is how many records of a partition may wait in a task before it is paused; 4 MB of them are enough,
	// too. Default: 10,000.
	BufferedRecords int
	// MaxIdle is how long a task with several input partitions waits for one that is empty although nothing is known to
	// be left in it. Default 0: a task waits only for partitions that are known to have more.
	MaxIdle time.Duration

	// OnError is Fail by default. DeadLetter needs a DeadLetterTopic; where a PolicyFunc says so without one, the
	// application ends.
	OnError ErrorPolicy
	// DeadLetterTopic is where DeadLetter sends records: with their own bytes, and headers that tell the failure
	// (KIP-1034). The application must not read it itself.
	DeadLetterTopic string
	// MaxTimeJump is how far a record's time may be ahead of its task's stream time and of the wall clock. One that is
	// further ahead meets the error policy, and is counted as time_jump: otherwise it makes all that follow late, for
	// good. Default 0: as far as it likes.
	MaxTimeJump time.Duration
	// SetTimeBack sets stream time, that of tasks, partitions and stores, back to this time where it is later. It is for
	// after a record whose time was too far ahead, which has made all others late. Each task does it once, when it starts
	// and has not done it with this very time before: the setting may stay. What that record has done stays, see
	// docs/failures.md. Default: none.
	SetTimeBack time.Time
	// Accept is what the application goes on with although something has been lost: the error that it ends with
	// otherwise tells which. Set it for one start. docs/failures.md has what happens then. Default: nothing.
	Accept Accept

	// ReplicationFactor of internal topics. Default: that of the brokers.
	ReplicationFactor int16
	// TopicConfigs of internal topics, over the library's own. New warns of those with which records would be lost.
	TopicConfigs map[string]string
	// WindowRetention is how much longer the changelogs of window stores are kept than their windows. Brokers delete by
	// event time: raise it where old data is processed. Default: 24 hours.
	WindowRetention time.Duration
	// AllowNewStores lets a changelog or a repartition topic be created although the group has committed offsets. Set it
	// for the first start after a store or a step that regroups was added. By default that is an error, as the other way
	// to get there is a topic that was deleted.
	AllowNewStores bool
	// TopicRefresh is the time between looks at the topics of the cluster, where sources read by pattern. Default: 10 s.
	TopicRefresh time.Duration

	// StartTimeout is how long Run waits for the first answer of a broker. Once it runs, it waits for brokers without
	// limit. Default: 30 s.
	StartTimeout time.Duration
	// SessionTimeout is how long the group waits for a process that went silent, or has stopped, before it gives its
	// tasks to others. One that comes back sooner on its StateDir has its tasks at once. Default: 10 s.
	SessionTimeout time.Duration
	// TransactionTimeout is how long the transaction of a dead process may hold up readers. Default: 10 s.
	TransactionTimeout time.Duration
	// StallTimeout is how long there may be something to commit, and no commit, before the App's state is Stalled.
	// Default: a minute, or three times CommitInterval if that is longer.
	StallTimeout time.Duration
	// ShutdownTimeout is how long Run may take to finish the record in work, commit and leave once its context has ended.
	// A step that is still at work then is not waited for: see BusyError. Default: 30 s.
	ShutdownTimeout time.Duration
	// StayOnStop has a process keep its place in the group for SessionTimeout when the context of Run ends, as a killed
	// one does: when a deployment starts it again on its StateDir in that time, no task moves and no state is read. Set it
	// where processes are stopped to be started again with their directories. By default a process leaves, and others
	// get its tasks at once.
	StayOnStop bool

	// Logger gets the application's log; the Kafka clients' warnings too. Default: slog.Default().
	Logger *slog.Logger
	// Events are told what the App does. Default: none.
	Events Events
}

// withDefaults fills in what was left out.
func (c Config) withDefaults(appID string) Config {
	setDefault(&c.AppID, appID)
	setDefault(&c.StateDir, "millstream-state")
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	if c.Guarantee == AtLeastOnce {
		setDefault(&c.CommitInterval, 30*time.Second)
	}
	setDefault(&c.CommitInterval, 100*time.Millisecond)
	setDefault(&c.Workers, 1)
	setDefault(&c.MemoryBytes, 256<<20)
	setDefault(&c.BufferedRecords, 10_000)
	setDefault(&c.ReplicationFactor, -1)
	setDefault(&c.WindowRetention, 24*time.Hour)
	setDefault(&c.TopicRefresh, 10*time.Second)
	setDefault(&c.StallTimeout, max(time.Minute, 3*c.CommitInterval))
	setDefault(&c.SessionTimeout, 10*time.Second)
	setDefault(&c.TransactionTimeout, 10*time.Second)
	setDefault(&c.StartTimeout, 30*time.Second)
	setDefault(&c.ShutdownTimeout, 30*time.Second)
	setDefault(&c.CleanupDelay, 10*time.Minute)
	if c.OnError == nil {
		c.OnError = Fail
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports everything that is wrong.
func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("streams: Config."+format, args...))
		}
	}
	bad(c.Guarantee != ExactlyOnce && c.Guarantee != AtLeastOnce,
		"Guarantee is %d: use ExactlyOnce or AtLeastOnce", c.Guarantee)
	bad(c.Accept&^(AcceptLostOffsets|AcceptLostInput|AcceptLostState) != 0,
		"Accept is %d: use AcceptLostOffsets, AcceptLostInput and AcceptLostState", c.Accept)
	if f, ok := c.OnError.(PolicyFunc); ok {
		bad(f == nil, "OnError is a nil function")
	}
	if action, ok := c.OnError.(ErrorAction); ok {
		bad(action < Fail || action > DeadLetter, "OnError is %d: use Fail, Skip or DeadLetter", action)
		bad(action == DeadLetter && c.DeadLetterTopic == "", "DeadLetterTopic is needed for OnError: DeadLetter")
		bad(action != DeadLetter && c.DeadLetterTopic != "", "DeadLetterTopic has no effect without OnError: DeadLetter")
	}
	if err := graph.CheckTopic(c.DeadLetterTopic); c.DeadLetterTopic != "" {
		bad(err != nil, "DeadLetterTopic: %w", err)
	}
	bad(c.StallTimeout > 0 && c.StallTimeout < c.CommitInterval,
		"StallTimeout is %v: must be CommitInterval, %v, or longer, or the App is stalled between commits",
		c.StallTimeout, c.CommitInterval)
	bad(c.CommitInterval < 0, "CommitInterval is %v: must not be negative", c.CommitInterval)
	bad(c.Guarantee == ExactlyOnce && c.CommitInterval > c.TransactionTimeout/2,
		"CommitInterval is %v: must be at most half of TransactionTimeout, %v, or brokers abort transactions under way",
		c.CommitInterval, c.TransactionTimeout)
	bad(c.Endpoint != "" && !isEndpoint(c.Endpoint), "Endpoint is %q: must be a URL that begins with http:// or https://, "+
		"of at most 500 bytes", c.Endpoint)
	for i, of := range c.Connectors {
		if graph.IsNil(of) {
			bad(true, "Connectors has nil at %d", i)
			continue
		}
		same := func(other Connector) bool {
			return !graph.IsNil(other) && other.ConnectorStatus().Name == of.ConnectorStatus().Name
		}
		bad(slices.ContainsFunc(c.Connectors[:i], same), "Connectors has two with the name %q",
			of.ConnectorStatus().Name)
	}
	for _, addr := range c.Brokers {
		bad(addr == "" || strings.Contains(addr, "://") || strings.ContainsAny(addr, ", \t\n"),
			"Brokers has %q: must be host:port, without a scheme, and each broker an entry of its own", addr)
	}
	bad(c.Workers < 1, "Workers is %d: must be 1 or more", c.Workers)
	bad(c.MemoryBytes < 8<<20, "MemoryBytes is %d: must be 8 MB or more", c.MemoryBytes)
	bad(c.BufferedRecords < 1, "BufferedRecords is %d: must be 1 or more", c.BufferedRecords)
	bad(c.MaxIdle < 0, "MaxIdle is %v: must not be negative", c.MaxIdle)
	bad(c.MaxTimeJump != 0 && c.MaxTimeJump < time.Millisecond,
		"MaxTimeJump is %v: must be a millisecond or more, or 0", c.MaxTimeJump)
	bad(!c.SetTimeBack.IsZero() && c.SetTimeBack.UnixMilli() < 1,
		"SetTimeBack is %v: must be behind the epoch, 1970-01-01", c.SetTimeBack)
	bad(c.ReplicationFactor < -1,
		"ReplicationFactor is %d: must be 1 or more, or -1 for the brokers' default", c.ReplicationFactor)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"WindowRetention", c.WindowRetention}, {"TopicRefresh", c.TopicRefresh}, {"StallTimeout", c.StallTimeout},
		{"SessionTimeout", c.SessionTimeout}, {"TransactionTimeout", c.TransactionTimeout},
		{"StartTimeout", c.StartTimeout}, {"ShutdownTimeout", c.ShutdownTimeout},
	} {
		bad(d.value < time.Millisecond, "%s is %v: must be a millisecond or more", d.name, d.value)
	}
	return errors.Join(errs...)
}

// checkDeadLetters refuses a topic from which dead letters would come back, or in which they would be taken for state.
func (c Config) checkDeadLetters(topo *graph.Topology) error {
	switch by := topo.ReadBy(c.DeadLetterTopic); {
	case c.DeadLetterTopic == "":
		return nil
	case topo.IsInternal(c.DeadLetterTopic):
		return fmt.Errorf("streams: Config.DeadLetterTopic %q is an internal topic of the application: use one of its own",
			c.DeadLetterTopic)
	case by != "":
		return fmt.Errorf("streams: Config.DeadLetterTopic %q is read by the application itself, by %s, so that a bad "+
			"record would come back for ever: use another topic, or narrow the pattern", c.DeadLetterTopic, by)
	}
	return nil
}

// timeBack is SetTimeBack in milliseconds; 0: none.
func (c Config) timeBack() int64 {
	if c.SetTimeBack.IsZero() {
		return 0
	}
	return c.SetTimeBack.UnixMilli()
}

// appDir is where the application's state lies.
func (c Config) appDir() string { return filepath.Join(c.StateDir, c.AppID) }

// String shows the settings, without those of Kafka, which may hold secrets.
func (c Config) String() string {
	return fmt.Sprintf("app=%s brokers=%v state=%s guarantee=%v commit=%v workers=%d memory=%dMB",
		c.AppID, c.Brokers, c.StateDir, c.Guarantee, c.CommitInterval, c.Workers, c.MemoryBytes>>20)
}

// accept is all that is accepted.
func (c Config) accept() Accept {
	if c.AllowNewStores {
		return c.Accept | task.AcceptNewStores
	}
	return c.Accept
}

// isEndpoint is true for what other processes can ask.
func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(s) <= 500
}
