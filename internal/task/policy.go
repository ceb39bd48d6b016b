package task

import (
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// Action says what becomes of a record that failed. In each case whatever it did is taken back first. An Action is the
// Policy that always says so.
type Action int

const (
	Fail       Action = iota // the application stops with a ProcessError
	Skip                     // the record is counted, logged and left out
	DeadLetter               // the record is counted, logged and sent to the dead-letter topic, in the same transaction
)

// String is the action in lower case.
func (a Action) String() string {
	if a < Fail || a > DeadLetter {
		return fmt.Sprintf("action %d", int(a))
	}
	return [...]string{"fail", "skip", "dead letter"}[a]
}

// Decide is the action itself.
func (a Action) Decide(*ProcessError) Action { return a }

// Policy decides by the error. It is called by all workers at once. The error's Key and Value are its own only
// during the call.
type Policy interface {
	Decide(failed *ProcessError) Action
}

// PolicyFunc is a function as a Policy.
type PolicyFunc func(failed *ProcessError) Action

// Decide calls the function.
func (f PolicyFunc) Decide(failed *ProcessError) Action { return f(failed) }

// Cause is in which part of its way a record failed.
type Cause int

const (
	Processing  Cause = iota // the function of a step returned an error or panicked
	Decoding                 // its key, value or timestamp could not be read
	Encoding                 // a sink could not make its result's bytes, or choose where they go
	Producing                // Kafka refused what was made of it
	Punctuation              // there is no record: a punctuation failed
)

// String is the cause in lower case.
func (c Cause) String() string {
	return [...]string{"processing", "decoding", "encoding", "producing", "punctuation"}[c]
}

// causeOf is the cause of an error of the step that runs.
func (t *Task) causeOf(err error) Cause {
	switch n := t.instance.Node(); {
	case errors.Is(err, graph.ErrDeserialize), errors.Is(err, graph.ErrTimestamp),
		errors.Is(err, graph.ErrTimeJump):
		return Decoding
	case n != nil && n.Kind == graph.SinkNode:
		return Encoding
	}
	return Processing
}

// decide asks the policy. The error says that the application has to stop.
func (c *Config) decide(failed *ProcessError) (Action, error) {
	if c.OnError == nil || always(failed.Err) {
		return Fail, failed
	}
	var action Action
	if err := Shielded(func() error { action = c.OnError.Decide(failed); return nil }); err != nil {
		failed.Err = fmt.Errorf("Config.OnError: %w, asked for: %w", err, failed.Err)
		return Fail, failed
	}
	switch {
	case action == DeadLetter && c.DeadLetterTopic == "":
		failed.Err = fmt.Errorf("Config.OnError says DeadLetter, and there is no DeadLetterTopic: %w", failed.Err)
	case action == Skip, action == DeadLetter:
		return action, nil
	case action != Fail:
		failed.Err = fmt.Errorf("Config.OnError says %v, which is none: %w", action, failed.Err)
	}
	return Fail, failed
}

// always is true for what no policy passes over: a store that cannot be read, or a cluster that does not answer, says
// nothing about the record, nor does a stop; a value that was changed in place cannot be taken back, and keys without
// fixed bytes have done their harm before.
func always(err error) bool {
	var unavailable *graph.UnavailableError
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrDisk) ||
		errors.Is(err, state.ErrChangedInPlace) || errors.Is(err, serde.ErrUnsteady) ||
		errors.Is(err, serde.ErrStopped) || errors.Is(err, graph.ErrCallsStuck) || errors.As(err, &unavailable)
}

// RecordID names a record of an input.
type RecordID struct {
	Topic     string
	Partition int32
	Offset    int64
}

// PassesOver is true if the policy lets the application go on without the record that failed.
func (c *Config) PassesOver(failed *ProcessError) bool {
	_, err := c.decide(failed)
	return err == nil
}

// Refusal is a record of which Kafka has refused what was made of it.
type Refusal struct {
	Failed *ProcessError
	Letter bool // it was the record's dead letter, with what that tells of an error, that was refused
}

// refusal is why a record of an input must not be processed.
func (t *Task) refusal(in *graph.Origin, offset int64) (r Refusal, ok bool) {
	if len(t.config.Refused) == 0 {
		return r, false
	}
	r, ok = t.config.Refused[RecordID{in.Topic, in.Partition, offset}]
	return r, ok
}
