package graph

import (
	"context"
	"errors"
	"time"
)

// Asking is implemented by a processor whose records wait in it for answers from outside of the task, such as those of
// a slow service. Its records in flight are rows of a store, so that whoever has the task next asks again.
type Asking interface {
	// Ask begins the calls that may begin, see Begin. It is called when what was done before stays: after Init, and after
	// each record, punctuation and answer.
	Ask()
	// Full is true while the task is to take no further record.
	Full() bool
	// Answered is the record whose answer has come and is to be passed on next; nil: there is none.
	Answered() *Waiting
	// Answer passes the answer of that record on. An error takes back what was done since, and is one of the record.
	Answer() error
	// LeaveOut goes on without that record, as the error policy wants it.
	LeaveOut() error
	// InFlight is the number of records that wait, and how many of their calls have begun and not ended.
	InFlight() (records, calls int)
}

// Waiting is a record that waits for an answer: where it was read, and how the step has it, encoded.
type Waiting struct {
	Origin
	Raw
}

// Call is a call that a step wants made outside of its task's goroutine.
type Call struct {
	Node   *Node
	Task   TaskID
	Record any             // a Record[K, V]
	Within context.Context // ends with the task
	Limits CallLimits
	// Make makes one attempt, on any goroutine.
	Make func(ctx context.Context) (result any, err error)
	// Done is told the result, or the error of the last attempt, on the task's goroutine.
	Done func(result any, err error)
}

// CallLimits are the bounds of the calls of one step.
type CallLimits struct {
	Concurrency int           // calls at once, of all tasks of the process
	Timeout     time.Duration // of an attempt
	Attempts    int
	Backoff     time.Duration // before the second attempt; twice as long before each further one
	MaxBackoff  time.Duration
	PerSecond   float64 // attempts of all tasks of the process; 0: any number
}

// Begin has a call made.
func Begin(ctx AnyContext, c *Call) {
	s := ctx.scoped()
	c.Node, c.Task = s.node, s.in.Task
	s.in.host.Call(c)
}

// ErrCallTimeout says that an attempt has not answered in time.
var ErrCallTimeout = errors.New("streams: no answer in time")

// ErrCallsStuck says that as many functions as may be called at once have not returned although their contexts have
// ended. No error policy passes over it: have the function return when its context ends.
var ErrCallsStuck = errors.New("streams: as many calls as may be made at once have not returned, although their " +
	"contexts have ended: have the function return when its context ends")

// Permanent marks an error of a call as one that another attempt would meet again. A nil error stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// IsPermanent is true for what Permanent has marked.
func IsPermanent(err error) bool {
	var p *permanent
	return errors.As(err, &p)
}

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// asking is a step of which records wait for answers.
type asking struct {
	node *Node
	Asking
}

// Asks is true if there are such steps.
func (in *Instance) Asks() bool { return len(in.asking) > 0 }

// Ask has the steps begin the calls that may begin.
func (in *Instance) Ask() {
	for _, a := range in.asking {
		a.Ask()
	}
}

// Full is true while a step has as many records in flight as it may.
func (in *Instance) Full() bool {
	for _, a := range in.asking {
		if a.Full() {
			return true
		}
	}
	return false
}

// Answered is the record whose answer is to be passed on next, with its step; nil: there is none. Steps downstream come
// first, and one that is full takes nothing from those upstream.
func (in *Instance) Answered() (Asking, *Waiting) {
	for _, a := range in.asking {
		if w := a.Answered(); w != nil {
			in.node = a.node
			return a.Asking, w
		}
		if a.Full() {
			break
		}
	}
	return nil, nil
}

// Answer passes an answer on.
func (in *Instance) Answer(a Asking) error {
	if err := a.Answer(); err != nil {
		return err
	}
	return in.settle()
}

// InFlight is the number of records that wait for answers, and that of calls that have begun and not ended.
func (in *Instance) InFlight() (records, calls int) {
	for _, a := range in.asking {
		r, c := a.InFlight()
		records, calls = records+r, calls+c
	}
	return records, calls
}
