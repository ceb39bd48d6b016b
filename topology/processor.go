package topology

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/millstream-go/millstream/state"
)

// Processor is one step of a topology: the built-in steps are written against this interface, and users' own have the
// same standing. There is one instance for each task, and only one goroutine at a time calls it.
//
// An error that Process or a punctuation returns, or a panic in it, takes back whatever the record did: its outputs
// and its writes to stores. What happens then is the application's error policy.
type Processor[KIn, VIn, KOut, VOut any] interface {
	// Init is called once, with the stores open and restored. There is no record to leave out for an error here: it ends
	// the application, whatever the error policy.
	Init(ctx *Context[KOut, VOut]) error
	// Process takes one record; it passes results on with Context.Forward.
	Process(r Record[KIn, VIn]) error
	// Close is called once, when the task ends, unless Init has failed. It must not forward.
	Close() error
}

// Remembering is implemented by a Processor or FixedKeyProcessor that keeps something in memory of its own from record
// to record. Stores need nothing of the kind.
type Remembering interface {
	// Mark makes the present memory the one that Undo returns to. It is called after Init, and before each record and
	// punctuation of the task, whether or not they get here.
	Mark()
	// Undo takes back what has changed since Mark: the record has failed.
	Undo()
}

// Committing is implemented by a Processor or FixedKeyProcessor that has something to say before each commit. What it
// forwards then is part of the commit. Memory that it clears there needs no care: if the commit fails, the task begins
// anew from the one before.
type Committing interface {
	// BeforeCommit is called if there is anything to commit, on steps in front of others first. There is no record to
	// leave out for an error here, its own or that of a step behind it: it ends the application, whatever the error
	// policy.
	BeforeCommit() error
}

// Advancing is implemented by a Processor or FixedKeyProcessor that acts as time moves on, whichever input moves it.
type Advancing interface {
	// Advance is called before each record of the task, with the record's timestamp in milliseconds, on steps in front of
	// others first. What it does is part of the record, and its error one of the record.
	Advance(timestamp int64) error
}

// Settling is implemented by a Processor or FixedKeyProcessor that holds back what it has to say of a record until that
// has been through all steps of the task.
type Settling interface {
	// Settle is called after each record and punctuation, after what Init forwarded and after each call of BeforeCommit,
	// on steps in front of others first. What it forwards is part of the record, and its error one of the record.
	Settle() error
}

// Context is what a processor has of its task. It is valid from Init to Close, on the goroutine that calls the
// processor.
type Context[K, V any] struct {
	in      *Instance
	node    *Node
	forward func(Record[K, V]) error
}

// Forward hands a record to the steps behind this one, depth first in the order in which they were declared, and
// returns when they are done. A caller returns the error as it is. A negative timestamp is an error, a TimestampError.
//
// The steps behind see the zero value where a flag says null, whatever the record has there, and who appends to the
// headers makes a copy of them: other records that carry them do not change.
func (c *Context[K, V]) Forward(r Record[K, V]) error {
	if r.Timestamp < 0 {
		return before1970(r.Timestamp)
	}
	if r.NullKey {
		var none K
		r.Key = none
	}
	if r.NullValue {
		var none V
		r.Value = none
	}
	r.Headers = r.Headers[:len(r.Headers):len(r.Headers)]
	return c.forward(r)
}

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
func (c *Context[K, V]) Store(name string) state.Store { return c.in.store(c.node, name) }

func (in *Instance) store(n *Node, name string) state.Store {
	for _, specs := range [][]state.Spec{n.Stores, n.Lookups} {
		for _, s := range specs {
			if s.Name() == name {
				return in.host.Store(name)
			}
		}
	}
	panic(&MissingStoreError{Store: name, Node: n.Name, Site: n.Site})
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
func (c *Context[K, V]) StreamTime() int64 { return c.in.host.StreamTime() }

// WallClock is the wall-clock time in milliseconds; in tests, that of the driver.
func (c *Context[K, V]) WallClock() int64 { return c.in.host.WallClock() }

// Source tells where the record being processed came from. Within a punctuation ok is false.
func (c *Context[K, V]) Source() (topic string, partition int32, offset int64, ok bool) {
	return c.in.host.Source()
}

// Task is the id of the task: sub-topology and partition.
func (c *Context[K, V]) Task() TaskID { return c.in.Task }

// Commit asks for a commit soon after this record.
func (c *Context[K, V]) Commit() { c.in.host.RequestCommit() }

// Drop counts a record that the step drops, under one of the Drop reasons.
func (c *Context[K, V]) Drop(reason DropReason) { c.in.host.Drop(c.node, reason) }

// Logger carries task and node.
func (c *Context[K, V]) Logger() *slog.Logger { return c.in.logger(c.node) }

func (in *Instance) logger(n *Node) *slog.Logger { return in.host.Logger().With("node", n.Name) }

// PunctuationType is the clock of a punctuation.
type PunctuationType int

const (
	// StreamTime punctuations are looked at after each record of the task. The first record fires them; after that they
	// fire once when stream time has reached the next multiple of the interval, restarts of the task or not.
	StreamTime PunctuationType = iota
	// WallClockTime punctuations fire when the wall clock has reached the next multiple of the interval after the last
	// firing: once, however far the clock has moved.
	WallClockTime
)

// Schedule calls fn every interval of the given clock, with that clock's time in milliseconds. fn may forward and use
// stores. The interval is at least a millisecond. The returned function ends it.
func (c *Context[K, V]) Schedule(every time.Duration, clock PunctuationType, fn func(now int64) error) (cancel func()) {
	return c.in.schedule(c.node, every, clock, fn)
}

// schedule is not inlined, so that it is compiled once.
//
//go:noinline
func (in *Instance) schedule(
	n *Node, every time.Duration, clock PunctuationType, fn func(now int64) error,
) (cancel func()) {
	call := func(now int64) error {
		if err := in.enter(n, func() error { return fn(now) }); err != nil {
			return err
		}
		return in.settle()
	}
	return in.host.Schedule(&Punctuation{Node: n, Every: every.Milliseconds(), Clock: clock, Call: call})
}

// Punctuation is a scheduled call, for the task that keeps the schedule.
type Punctuation struct {
	Node  *Node
	Every int64 // milliseconds
	Clock PunctuationType
	Call  func(now int64) error
}

// DropReason says why a record was dropped. Each dropped record is counted under exactly one.
type DropReason string

const (
	DropLate        DropReason = "late"        // for a window, a join or a table: what it would change is closed, or newer
	DropNullKey     DropReason = "null_key"    // where records need a key
	DropNullValue   DropReason = "null_value"  // where records need a value
	DropDeserialize DropReason = "deserialize" // does not decode; policy skip or dead letter
	DropProcess     DropReason = "process"     // a function failed; policy skip or dead letter
	DropTimestamp   DropReason = "timestamp"   // the extractor gave a negative timestamp
	DropTimeJump    DropReason = "time_jump"   // the time is too far ahead; policy skip or dead letter
)

// Host is what a task offers its nodes. It is implemented once, by the task.
type Host interface {
	Store(name string) state.Store
	StreamTime() int64
	WallClock() int64
	Source() (topic string, partition int32, offset int64, ok bool)
	// Partitions is the number of partitions of a topic, for a sink that chooses among topics or partitions. An error
	// other than ErrUnavailable is a fault of the record that goes there: the topic does not exist.
	Partitions(topic string) (int32, error)
	RequestCommit()
	// Watches is true where values are watched, at a cost: see Checked.
	Watches() bool
	Drop(n *Node, reason DropReason)
	Schedule(p *Punctuation) (cancel func())
	Logger() *slog.Logger
}
