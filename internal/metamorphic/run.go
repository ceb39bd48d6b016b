package metamorphic

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
	"github.com/millstream-go/millstream/testkit"
)

// answer is what a run left behind.
type answer struct {
	results  []conformance.Result
	stores   conformance.Stores
	restored conformance.Stores // the same after the loss of the local ones
	dropped  int64
}

// RunError is what went wrong in a run of a case.
type RunError struct {
	Run string // "plain" or "varied"
	Err error
}

func (e *RunError) Error() string { return e.Run + " run: " + e.Err.Error() }
func (e *RunError) Unwrap() error { return e.Err }

// Check runs the case both ways, each with its stores in a directory of its own below dir if it wants one. The error
// tells the first difference, or what went wrong.
func (c *Case) Check(dir string) error {
	r, err := c.rules()
	if err != nil {
		return err
	}
	want, err := c.run(c.Plain, dir)
	if err != nil {
		return &RunError{"plain", err}
	}
	got, err := c.run(c.Variation, dir)
	if err != nil {
		return &RunError{"varied", err}
	}
	if c.Variation.crashes() || c.Variation.restarts() && r.global {
		want.dropped, got.dropped = 0, 0 // what is read again is dropped again
	}
	return compare(r.promises, want, got)
}

// rules are those of the case, after all of its nodes.
func (c *Case) rules() (*rules, error) {
	if len(c.Scenario.Topology) == 0 {
		return nil, fmt.Errorf("%w: nothing to run", errRule)
	}
	r := newRules(!c.steady(), c.Plain.Partitions, c.Variation.Partitions)
	for _, n := range c.Scenario.Topology {
		if err := r.add(n); err != nil {
			return nil, fmt.Errorf("node %s: %w", n.ID, err)
		}
	}
	for _, v := range []*Variation{&c.Plain, &c.Variation} {
		if r.flush && v.restarts() || v.AtLeastOnce && v.crashes() {
			return nil, fmt.Errorf("%w: not with these events", errRule)
		}
	}
	return r, nil
}

// steady is true if each record is younger than the one before it. Global tables do not count.
func (c *Case) steady() bool {
	last, global := int64(-1), map[string]bool{}
	for _, n := range c.Scenario.Topology {
		global[n.Topic] = n.Op == "globalTable"
	}
	for _, s := range c.Scenario.Steps {
		if s.Pipe == nil || global[s.Pipe.Topic] {
			continue
		}
		if s.Pipe.TS <= last {
			return false
		}
		last = s.Pipe.TS
	}
	return true
}

func (c *Case) run(v Variation, dir string) (a *answer, err error) {
	inMemory := func(store string) bool { return slices.Contains(v.InMemory, store) }
	built, err := conformance.Build(c.Scenario.Topology, inMemory)
	if err != nil {
		return nil, err
	}
	options := []testkit.Option{
		testkit.Partitions(v.Partitions), testkit.CommitEvery(v.CommitEvery), testkit.CacheBytes(v.CacheBytes),
	}
	if v.AtLeastOnce {
		options = append(options, testkit.AtLeastOnce())
	}
	if v.Pebble {
		own, err := os.MkdirTemp(dir, "stores")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
		options = append(options, testkit.Pebble(own))
	}
	d, err := testkit.NewDriver(built.Topology, options...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	(&runner{d: d, built: built}).steps(c.Scenario.Steps, v.Events)
	a = &answer{results: built.Results(d), stores: built.Stores(d)}
	for _, n := range d.Dropped() {
		a.dropped += n
	}
	d.LoseState()
	a.restored = built.Stores(d)
	return a, d.Err()
}

// runner feeds a driver.
type runner struct {
	d      *testkit.Driver
	built  *conformance.Built
	paused bool
}

func (r *runner) steps(steps []conformance.Step, events []Event) {
	for i, s := range steps {
		for len(events) > 0 && events[0].Before <= i {
			r.do(events[0].Do)
			events = events[1:]
		}
		if s.AdvanceMs != nil {
			r.resume()
		}
		r.built.Step(r.d, s)
	}
	for _, e := range events {
		r.do(e.Do)
	}
	r.resume()
	r.d.Commit()
}

func (r *runner) resume() {
	if r.paused {
		r.paused = false
		r.d.Resume()
	}
}

func (r *runner) do(a Action) {
	r.resume()
	switch a {
	case Commit:
		r.d.Commit()
	case Pause:
		r.paused = true
		r.d.Pause()
	case Restart:
		r.d.Restart()
	case LoseState:
		r.d.LoseState()
	case CrashBefore:
		r.d.Crash(testkit.BeforeCommit)
	case CrashDuring:
		r.d.Crash(testkit.DuringCommit)
	case CrashAfter:
		r.d.Crash(testkit.AfterCommit)
	}
}
