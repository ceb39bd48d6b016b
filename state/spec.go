package state

import (
	"fmt"
	"reflect"
	"time"

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

// Expires is true for stores whose rows lose their meaning as stream time moves on, so that brokers may delete old
// records of their changelogs, too.
func (k Kind) Expires() bool { return k == KindWindow || k == KindSession || k == KindBuffer }

// Expires is true for a store whose rows lose their meaning as stream time moves on. Rows that wait for their time do
// not.
func Expires(s Spec) bool { return s.Kind().Expires() && !s.Options().Waits }

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
	Budget *Budget      // of the process's cached rows
	// Watch has the store find values that are changed in place, at the cost of encoding a value at each use.
	Watch bool
	// EncodeOnPut has a value that its serde cannot encode fail the Put, and not only the commit, at the cost of
	// encoding each value once more.
	EncodeOnPut bool
	// TooLarge is from how many bytes on, of key and value, such a Put fails, too, with ErrTooLarge; 0: never.
	TooLarge int
	// ReadOnly is for an engine whose rows do not change, as it shows those of a commit: nothing can be written.
	ReadOnly bool
}

// Stores finds the open stores of a task by name. A topology.Context is one.
type Stores interface {
	Store(name string) Store
}

// in finds the handle of a declaration's open store, with its types.
//
//go:noinline
func in[S any](name string) func(stores Stores) S {
	return func(stores Stores) S {
		handle := handleOf(stores, name)
		typed, ok := handle.(S)
		if !ok {
			panic(otherTypes(name, handle, reflect.TypeFor[S]()))
		}
		return typed
	}
}

func handleOf(stores Stores, name string) any {
	if s, ok := stores.Store(name).(interface{ Handle() any }); ok {
		return s.Handle()
	}
	return nil
}

func otherTypes(name string, handle any, want reflect.Type) string {
	return fmt.Sprintf("state: store %s is open as %T, asked for as %v: declare it once and use that value",
		name, handle, want)
}

// writtenBy are the options of a declaration with its serdes.
func writtenBy(key any, values ...any) Options { return Options{Keys: key, Values: values} }
