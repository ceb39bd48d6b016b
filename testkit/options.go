package testkit

import (
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
)

// Option changes a Driver.
type Option func(*options)

type options struct {
	partitions  int32
	byTopic     map[string]int32
	commitEvery int
	atLeastOnce bool
	cacheBytes  int64
	dir         string // of databases on disk; empty: in memory
	openEngine  func(dir string) (state.Engine, error)
	onError     task.Policy
	deadLetter  string
}

func defaults() options {
	return options{partitions: 1, byTopic: map[string]int32{}, commitEvery: 1, cacheBytes: 64 << 20}
}

// Partitions is the number of partitions of every topic that is not internal. The default is 1.
func Partitions(n int32) Option { return func(o *options) { o.partitions = n } }

// PartitionsOf is the number of partitions of one topic; 0: it does not exist. A topic that is named so is there from
// the start, for sources that read by pattern.
func PartitionsOf(topic string, n int32) Option { return func(o *options) { o.byTopic[topic] = n } }

// CommitEvery commits after every n piped records. The default is 1; with 0 only Driver.Commit and Restart commit. What
// has not been committed is not seen: neither by Output nor, behind a repartition topic, by the next sub-topology.
func CommitEvery(n int) Option { return func(o *options) { o.commitEvery = n } }

// AtLeastOnce makes records visible as they are sent: a crash takes back offsets and state, not what was sent.
func AtLeastOnce() Option { return func(o *options) { o.atLeastOnce = true } }

// CacheBytes is the memory for cached rows. The default is 64 MB. It never changes an answer.
func CacheBytes(n int64) Option { return func(o *options) { o.cacheBytes = n } }

// Pebble keeps the stores on disk as in production, in a directory of the test's, in place of memory.
func Pebble(dir string) Option {
	budget := store.NewBudget(16<<20, 8)
	return OpenEngine(dir, func(dir string) (state.Engine, error) {
		return store.OpenPebble(dir, store.Options{Budget: budget})
	})
}

// OpenEngine keeps the stores in engines of the test's, as streams.Config.OpenEngine does: each is opened in a
// directory of its own within dir. Driver.LoseState removes dir.
func OpenEngine(dir string, open func(dir string) (state.Engine, error)) Option {
	return func(o *options) { o.dir, o.openEngine = dir, open }
}

// Skip leaves out records that do not decode or whose processing fails; they are counted in Dropped. By default they
// fail the test.
func Skip() Option { return func(o *options) { o.onError = task.Skip } }

// DeadLetter sends records that do not decode or whose processing fails to a topic; they are counted in Dropped.
func DeadLetter(topic string) Option {
	return func(o *options) { o.onError, o.deadLetter = task.DeadLetter, topic }
}
