package storage

import (
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/store"
)

// Kind is the kind of a store.
type Kind string

const (
	KindKeyValue  Kind = "key-value"
	KindWindow    Kind = "window"
	KindSession   Kind = "session"
	KindBuffer    Kind = "buffer"
	KindUnmatched Kind = "unmatched"
	KindVersioned Kind = "versioned"
	KindSuppress  Kind = "suppress"
	KindInFlight  Kind = "in-flight"
)

// KindExpires is true for kinds of stores whose rows lose their meaning as stream time moves on, so that brokers may
// delete old records of their changelogs, too.
func KindExpires(k Kind) bool { return k == KindWindow || k == KindSession || k == KindBuffer }

// Expires is true for a store whose rows lose their meaning as stream time moves on. Rows that wait for their time do
// not.
func Expires(s Spec) bool { return KindExpires(s.Kind()) && !s.Options().Waits }

// Spec is the declaration of a store without its types: what a graph, a changelog topic and a lock file need of it.
type Spec interface {
	Name() string
	Kind() Kind
	// Format names kind, key and value format: two stores of one name must agree in it.
	Format() string
	// Layout tells what the order of the rows, or a second one, is by, if it is not that of the kind: two stores of one
	// name must agree in it, too.
	Layout() string
	// Options are the settings of the declaration.
	Options() Options
	// Err is what is wrong with the declaration itself, nil if nothing.
	Err() error
	// Open makes the store for one task.
	Open(env Env) Store
}

// Options are the settings that stores of all kinds share.
type Options struct {
	InMemory    bool          // rows live in memory and are restored from the changelog at each start
	NoChangelog bool          // rows do not survive the loss of the state directory
	Retention   time.Duration // of stores by time: how long a row is kept, from its start, end or timestamp
	ByKey       bool          // of window stores: rows are found by key, too
	TTL         time.Duration // of key-value stores: how long a row lives after its timestamp; 0: for ever
	// Keys and Values are the serdes of the declaration, for serde.ShapesOf.
	Keys       any
	Values     []any
	Waits      bool // of buffers: rows wait for their time and leave when it has come, not by age
	NewestWins bool // of key-value stores: an older record does not replace a row
}

// Env is what a task gives a store to open it.
type Env struct {
	Engine store.Engine // holds the rows
	Prefix []byte       // of this store's rows
	Budget *rows.Budget // of the process's cached rows
	// Watch has the store find values that are changed in place, at the cost of encoding a value at each use.
	Watch bool
	// EncodeOnPut has a value that its serde cannot encode fail the Put, and not only the commit, at the cost of
	// encoding each value once more.
	EncodeOnPut bool
	// Refuses has Puts and Deletes fail that the changelog would refuse; with EncodeOnPut also by their values. nil: none.
	Refuses Refuses
	// ReadOnly is for an engine whose rows do not change, as it shows those of a commit: nothing can be written.
	ReadOnly bool
	// Guard says why nothing can be written for now, nil if it can. Without a guard it always can.
	Guard func() error
}

// Refuses is why a changelog would refuse a row; see rows.Refuses.
type Refuses = rows.Refuses

// WrittenBy are the options of a declaration with its serdes.
func WrittenBy(key any, values ...any) Options { return Options{Keys: key, Values: values} }

// NewBudget is a budget of so many bytes, for the cached rows of all stores of a process.
func NewBudget(bytes int64) *rows.Budget { return rows.NewBudget(bytes) }
