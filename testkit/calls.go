package testkit

import (
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/calls"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// HoldCalls has the slow calls of MapAsync wait until the test answers them, in whatever order it likes, see
// Driver.Calls. By default each is made at once, with its attempts and without the waits between them.
func HoldCalls() Option { return func(o *options) { o.holdCalls = true } }

// Call is a slow call that waits for the test.
type Call struct {
	Step   string // as Describe names it
	Task   streams.TaskID
	Record any // a streams.Record, with the types of the step's stream

	d      *Driver
	of     *graph.Call
	answer func(result any, err error)
	ended  bool
}

// Calls are the calls that have begun and wait for the test, in the order in which they began. Calls of one key begin
// one after the other. Without HoldCalls none ever waits, and it is a mistake to ask.
func (d *Driver) Calls() []*Call {
	d.helper()
	if !d.readable() {
		return nil
	}
	if !d.options.holdCalls {
		d.fail(errors.New("testkit: Calls without HoldCalls: each call is made at once, and none waits for the test"))
	}
	var waiting []*Call
	for _, c := range d.held {
		if !c.ended && c.of.Within.Err() == nil {
			waiting = append(waiting, c)
		}
	}
	d.held = waiting
	return append([]*Call(nil), waiting...)
}

// Make calls the function, with its attempts, passes on what that makes due, and commits as after a piped record.
func (c *Call) Make() {
	c.d.helper()
	c.end(func() (any, error) { return calls.AtOnce(c.of) })
}

// Fail has the call fail without calling the function.
func (c *Call) Fail(err error) {
	c.d.helper()
	if err == nil {
		err = errors.New("testkit: the call failed")
	}
	c.end(func() (any, error) { return nil, err })
}

// Timeout has the call fail as one that does not answer in time.
func (c *Call) Timeout() {
	c.d.helper()
	c.Fail(fmt.Errorf("%w: %v", streams.ErrCallTimeout, c.of.Limits.Timeout))
}

func (c *Call) end(make func() (any, error)) {
	c.d.helper()
	switch {
	case c.ended:
		c.d.fail(fmt.Errorf("testkit: the call of %s was answered already", c.Step))
	case c.of.Within.Err() != nil:
		c.d.fail(fmt.Errorf("testkit: the call of %s is gone with its task: ask Calls again", c.Step))
	}
	if !c.d.usable() {
		return
	}
	c.ended = true
	c.answer(make())
	c.d.arrived()
}

// caller makes the calls of the driver's tasks, or holds them.
type caller struct{ *Driver }

func (d caller) Call(c *graph.Call, answer func(result any, err error)) {
	if !d.options.holdCalls {
		answer(calls.AtOnce(c))
		return
	}
	d.held = append(d.held, &Call{Step: c.Node.Name, Task: c.Task, Record: c.Record, d: d.Driver, of: c, answer: answer})
}
