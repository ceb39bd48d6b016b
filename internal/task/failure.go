package task

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/millstream-go/millstream/internal/graph"
)

// ProcessError is the failure of one record, or of a call that a step gets without one, such as Init and punctuations:
// then Topic is empty.
type ProcessError struct {
	Task      graph.TaskID
	Node      string // the step that failed
	Site      string // file:line of the call that declared it
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp, Key and Value are the record's, as they were read; nil: null, or there is no record.
	Timestamp  int64
	Key, Value []byte
	Cause      Cause
	Err        error

	call string // of the step, if there is no record
}

func (e *ProcessError) Error() string {
	where := e.call
	if e.Topic != "" {
		where = fmt.Sprintf("%s/%d offset %d", e.Topic, e.Partition, e.Offset)
	}
	return fmt.Sprintf("task %s, step %s (%s), %s: %v", e.Task, e.Node, e.Site, where, e.Err)
}

func (e *ProcessError) Unwrap() error { return e.Err }

// Error is a failure of a task outside of its records, mostly of its database.
type Error struct {
	Task graph.TaskID
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("task %s: %v", e.Task, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// failed makes an error one of the task; nil stays nil.
func (t *Task) failed(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Task: t.ID, Err: err}
}

// PanicError is a panic of the user's code, turned into an error of the record that caused it.
type PanicError struct {
	Value any
	Stack []byte
	Site  string // file:line of the code that panicked; empty: not known
}

func (e *PanicError) Error() string {
	if e.Site == "" {
		return fmt.Sprintf("panic: %v", e.Value)
	}
	return fmt.Sprintf("panic: %v (at %s)", e.Value, e.Site)
}

// Unwrap gives access to an error that the code panicked with.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// recoverInto turns a panic into an error. It must be deferred directly.
func recoverInto(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack(), Site: graph.PanicSite()}
	}
}

// withStack adds the stack of a panic to the attributes of a line of the log: the text of the error lacks it.
func withStack(err error, attrs ...any) []any {
	var panicked *PanicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, "stack", string(panicked.Stack))
	}
	return attrs
}

// Shielded makes a PanicError of a panic in a call.
func Shielded(call func() error) (err error) {
	defer recoverInto(&err)
	return call()
}

// reject applies the error policy to a record whose effects have been taken back. A nil result means: go on without it.
func (t *Task) reject(in *graph.Origin, raw *graph.Raw, err error) error {
	failed := t.failure("", err)
	failed.Cause = t.causeOf(err)
	return t.leaveOut(in, raw, failed, false)
}

// leaveOut is reject for a failure that is known. A dead letter that is bare tells nothing of it.
func (t *Task) leaveOut(in *graph.Origin, raw *graph.Raw, failed *ProcessError, bare bool) error {
	failed.Topic, failed.Partition, failed.Offset = in.Topic, in.Partition, raw.Offset
	failed.Key, failed.Value, failed.Timestamp = raw.Key, raw.Value, raw.Timestamp
	action, err := t.config.decide(failed)
	if t.config.Failures.add(t.set.now, failed, action, raw, t.config.Partitions[in.Topic]); err != nil {
		return err
	}
	failed.Key, failed.Value = nil, nil // they would keep what was fetched with the record
	reason := dropReason(failed.Err)
	t.lastError, t.errorAt = failed, t.set.now
	dropped := drop{step: failed.Node, reason: reason}
	t.config.Drops.show(dropped, t.set.now, in, raw)
	t.config.Drops.add(dropped)
	t.drops++
	t.set.leftOut.add(t.set.now, cause{failed.Node, reason}, t.log, failed)
	if action == DeadLetter {
		t.box.From(in, raw.Offset)
		t.box.Add(t.deadLetter(in, raw, failed, bare))
		t.box.From(nil, 0)
	}
	return nil
}

// failure is an error of the step that runs, in a call without a record unless the caller adds one.
func (t *Task) failure(call string, err error) *ProcessError {
	return failure(t.ID, t.instance, call, err)
}

func failure(id graph.TaskID, in *graph.Instance, call string, err error) *ProcessError {
	failed := &ProcessError{Task: id, Offset: -1, Err: err, call: call}
	if n := in.Node(); n != nil {
		failed.Node, failed.Site = n.Name, n.Site
	}
	return failed
}

func dropReason(err error) graph.DropReason {
	switch {
	case errors.Is(err, graph.ErrDeserialize):
		return graph.DropDeserialize
	case errors.Is(err, graph.ErrTimestamp):
		return graph.DropTimestamp
	case errors.Is(err, graph.ErrTimeJump):
		return graph.DropTimeJump
	}
	return graph.DropProcess
}

// typeName is the type of the first error of a chain that says more than that it wraps others, or has a text.
func typeName(err error) string {
	name, _ := typed(err)
	if name == "" {
		name = graph.TypeName(err)
	}
	return name
}

// typed is the name of a type, and whether that is a type of its own: the first such one, else the last of the others.
func typed(err error) (name string, own bool) {
	switch e := err.(type) {
	case nil:
		return "", false
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner, ok := typed(inner); ok || name == "" {
				if name = inner; ok {
					return name, true
				}
			}
		}
		return name, false
	}
	name = graph.TypeName(err)
	if inner := errors.Unwrap(err); name == "*fmt.wrapError" && inner != nil {
		return typed(inner)
	}
	return name, name != "*errors.errorString" && name != "*fmt.wrapError"
}
