package graph

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// scope is what of a context depends on no types: a step in a task. Contexts embed it, so that it is compiled once.
type scope struct {
	in      *Instance
	node    *Node
	outputs []namedOutlet // by name
}

// AnyContext is a Context or a FixedKeyContext of any types, with what depends on none: for functions that serve
// several processors.
type AnyContext interface {
	Store(name string) state.Store
	StreamTime() int64
	WallClock() int64
	Source() (topic string, partition int32, offset int64, ok bool)
	Task() TaskID
	Commit()
	Drop(reason DropReason)
	Logger() *slog.Logger
	Schedule(every time.Duration, clock PunctuationType, fn func(now int64) error) (cancel func())

	scoped() *scope
}

func (s *scope) scoped() *scope { return s }

// Context is what a processor has of its task. It is the same one from Init to Close, and valid on the goroutine that
// calls the processor.
type Context[K, V any] struct {
	scope
	out *outlet[K, V]
}

// Forward hands a record to the steps downstream, depth first in the order in which they were declared, and returns
// when they are done. A caller returns the error as it is. A negative timestamp is an error, a TimestampError.
//
// The steps downstream see the zero value where a flag says null, whatever the record has there, and who appends to the
// headers makes a copy of them: other records that carry them do not change.
func (c *Context[K, V]) Forward(r Record[K, V]) error { return c.out.send(&r) }

func before1970(timestamp int64) error { return &TimestampError{Timestamp: timestamp} }

// TimestampError is the error of a record that a step forwards at a negative time: no topic takes it, and no window
// holds it. Give the record an event time of 0 or more, in milliseconds since the epoch.
type TimestampError struct{ Timestamp int64 }

func (e *TimestampError) Error() string {
	return fmt.Sprintf("topology: a record is forwarded at time %d: give it a Timestamp of 0 or more, in milliseconds "+
		"since the epoch", e.Timestamp)
}

// Store is an open store of the task, for the typed handles of package state: Counts.In(ctx). It panics with a
// MissingStoreError if the step was not declared with that store: a mistake of the program, found by its first test.
func (s *scope) Store(name string) state.Store {
	for _, specs := range [][]storage.Spec{s.node.Stores, s.node.Lookups} {
		for _, spec := range specs {
			if spec.Name() == name {
				return s.in.host.Store(name)
			}
		}
	}
	panic(&MissingStoreError{Store: name, Node: s.node.Name, Site: s.node.Site})
}

// MissingStoreError says that a processor uses a store that it was not declared with.
type MissingStoreError struct {
	Store string
	Node  string // the step
	Site  string // file:line of the call that declared it
}

func (e *MissingStoreError) Error() string {
	return fmt.Sprintf("topology: step %s uses store %q, which was not given to it: add the store to the arguments of "+
		"the call that declares the step, %s", e.Node, e.Store, e.Site)
}

// StreamTime is the highest timestamp of the records that the task has taken, in milliseconds; -1 before the first.
func (s *scope) StreamTime() int64 { return s.in.host.StreamTime() }

// WallClock is the wall-clock time in milliseconds; in tests, that of the driver.
func (s *scope) WallClock() int64 { return s.in.host.WallClock() }

// Source tells where the record being processed came from. Within a punctuation ok is false.
func (s *scope) Source() (topic string, partition int32, offset int64, ok bool) {
	return s.in.host.Source()
}

// Task is the id of the task: sub-topology and partition.
func (s *scope) Task() TaskID { return s.in.Task }

// Commit asks for a commit soon after this record.
func (s *scope) Commit() { s.in.host.RequestCommit() }

// Drop counts a record that the step drops, under one of the Drop reasons.
func (s *scope) Drop(reason DropReason) { s.in.host.Drop(s.node, reason) }

// Logger carries task and node.
func (s *scope) Logger() *slog.Logger { return s.in.host.Logger().With("node", s.node.Name) }
