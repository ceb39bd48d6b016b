package testkit

import (
	"time"

	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Option changes a Driver.
type Option func(*options)

type options struct {
	partitions  int32
	byTopic     map[string]int32
	commitEvery int
	atLeastOnce bool
	cacheBytes  int64
	snapshot    string // directory of an exported state; empty: begin with nothing
	dir         string // of databases on disk; empty: in memory
	openEngine  func(dir string) (state.Engine, error)
	actions     task.Policy // of Skip and DeadLetter
	policy      task.Policy // of OnError, which goes before
	maxJump     time.Duration
	timeBack    int64 // milliseconds; 0: none
	holdCalls   bool

	deadLetterTopic string
	wrong           []error // in the options themselves
}

func defaults() options {
	return options{partitions: 1, byTopic: map[string]int32{}, commitEvery: 1, cacheBytes: 64 << 20}
}

// wrongIf notes what cannot be meant.
func (o *options) wrongIf(wrong bool, format string, args ...any) {
	if wrong {
		o.wrong = append(o.wrong, fmt.Errorf("testkit: "+format, args...))
	}
}

func (o *options) check() error { return errors.Join(o.wrong...) }

func (o *options) onError() task.Policy {
	if o.policy != nil {
		return o.policy
	}
	return o.actions
}

// Partitions is the number of partitions of every topic that is not internal. The default is 1.
func Partitions(n int32) Option {
	return func(o *options) {
		o.partitions = n
		o.wrongIf(n < 1, "Partitions(%d): a topic has 1 or more; PartitionsOf makes one missing", n)
	}
}

// PartitionsOf is the number of partitions of one topic; 0: it does not exist. A topic that is named so is there from
// the start, for sources that read by pattern. The topic is one that the topology reads or writes; where it chooses
// topics by pattern, it may be any.
func PartitionsOf(topic string, n int32) Option {
	return func(o *options) {
		o.byTopic[topic] = n
		o.wrongIf(n < 0, "PartitionsOf(%q, %d): use 1 or more, or 0 for a topic that does not exist", topic, n)
	}
}

// CommitEvery commits after every n piped records. The default is 1; with 0 only Driver.Commit and Restart commit. What
// has not been committed is not seen: neither by Output nor, behind a repartition topic, by the next sub-topology.
func CommitEvery(n int) Option {
	return func(o *options) {
		o.commitEvery = n
		o.wrongIf(n < 0, "CommitEvery(%d): use 1 or more, or 0 for commits by hand", n)
	}
}

// AtLeastOnce makes records visible as they are sent: a crash takes back offsets and state, not what was sent.
func AtLeastOnce() Option { return func(o *options) { o.atLeastOnce = true } }

// CacheBytes is the memory for cached rows. The default is 64 MB. It never changes an answer.
func CacheBytes(n int64) Option {
	return func(o *options) {
		o.cacheBytes = n
		o.wrongIf(n < 0, "CacheBytes(%d): use 0 or more", n)
	}
}

// Pebble keeps the stores on disk as in production, in a directory of the test's, in place of memory. Driver.Close
// leaves the topics and the committed offsets in it, too: another driver that is opened on the directory goes on where
// the one before was closed. With the next version of a topology, that is an upgrade.
func Pebble(dir string) Option {
	budget := store.NewBudget(16<<20, 8)
	return OpenEngine(dir, func(dir string) (state.Engine, error) {
		return store.OpenPebble(dir, store.Options{Budget: budget})
	})
}

// OpenEngine keeps the stores in engines of the test's, as streams.Config.OpenEngine does: each is opened in a
// directory of its own within dir. Driver.LoseState removes what is in dir. What else is true of Pebble is true here.
func OpenEngine(dir string, open func(dir string) (state.Engine, error)) Option {
	return func(o *options) {
		o.dir, o.openEngine = dir, open
		o.wrongIf(dir == "", "Pebble and OpenEngine need a directory")
		o.wrongIf(open == nil, "OpenEngine needs a function")
	}
}

// FromState begins with the state that `millstream state export` has written into a directory: a test that goes on
// where an application was. Inputs have as many partitions as they had there, and no records yet; the clock is at the
// time of the export. With Pebble or OpenEngine it is used where the directory is fresh.
func FromState(dir string) Option {
	return func(o *options) {
		o.snapshot = dir
		o.wrongIf(dir == "", "FromState needs a directory")
	}
}

// Skip leaves out records that do not decode or whose processing fails; they are counted in Dropped. By default they
// fail the test.
func Skip() Option { return func(o *options) { o.actions = task.Skip } }

// DeadLetter sends records that do not decode or whose processing fails to a topic; they are counted in Dropped. The
// topic is none that the topology reads.
func DeadLetter(topic string) Option {
	return func(o *options) {
		o.actions, o.deadLetterTopic = task.DeadLetter, topic
		o.wrongIf(topic == "", "DeadLetter needs a topic")
	}
}

// OnError is streams.Config.OnError, as a PolicyFunc that decides by the error. DeadLetter names the topic, and OnError
// says what is sent there. What Kafka refuses does not come up in the driver.
func OnError(policy streams.ErrorPolicy) Option {
	return func(o *options) {
		o.policy = policy
		f, isFunc := policy.(streams.PolicyFunc)
		o.wrongIf(policy == nil || isFunc && f == nil, "OnError needs a policy, as streams.Skip or a streams.PolicyFunc")
	}
}

// MaxTimeJump is streams.Config.MaxTimeJump. The driver's wall clock begins at the epoch: AdvanceWallClock sets it to
// the time of the records.
func MaxTimeJump(by time.Duration) Option {
	return func(o *options) {
		o.maxJump = by
		o.wrongIf(by != 0 && by < time.Millisecond, "MaxTimeJump(%v): use a millisecond or more, or 0 for no bound", by)
	}
}

// SetTimeBack is streams.Config.SetTimeBack: for a driver that is opened on the directory of another one.
func SetTimeBack(to time.Time) Option {
	return func(o *options) {
		o.timeBack = to.UnixMilli()
		o.wrongIf(o.timeBack < 1, "SetTimeBack(%v): use a time behind the epoch", to)
	}
}
