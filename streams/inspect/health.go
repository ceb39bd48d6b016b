package inspect

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// Health is whether an application is alive and ready, with the reasons why not.
type Health struct {
	App   string        `json:"app"`
	State streams.State `json:"state"`
	Since time.Time     `json:"since"` // of the state
	// Alive is false if a start anew may help: the application has failed, or a worker makes no progress although Kafka
	// does not keep it waiting. One that joins the group, restores its state, waits for brokers or stops is alive.
	Alive bool `json:"alive"`
	// Ready is true while all tasks of all workers run.
	Ready bool `json:"ready"`
	// Reasons tell what is not as it should be, and what is waited for, also where the application is alive and ready.
	Reasons []Reason `json:"reasons"`
}

// Reason is one thing that is not as it should be.
type Reason struct {
	Worker int           `json:"worker"`         // -1: of the application
	Task   string        `json:"task,omitempty"` // as in streams.Tasks; empty: of the worker
	Text   string        `json:"text"`
	For    time.Duration `json:"for_ns,omitempty"` // how long it has been so; 0: not known
	Dead   bool          `json:"dead"`             // it is why the application is not alive
}

// DefaultBound is Options.Bound by default: what a group of Kafka waits for a member with a record in work.
const DefaultBound = 10 * time.Minute

// HealthOf judges what a snapshot shows. bound is how long the code of a step, or a worker, may take without an end; 0:
// DefaultBound.
func HealthOf(s streams.Snapshot, bound time.Duration) Health {
	if bound == 0 {
		bound = DefaultBound
	}
	h := Health{App: s.App, State: s.State, Since: s.Since, Ready: s.State == streams.Running, Reasons: []Reason{}}
	h.app(s)
	for _, w := range s.Workers {
		h.worker(s, w, bound)
	}
	for _, t := range s.Tasks {
		h.task(s, t)
	}
	h.Alive = true
	for _, r := range h.Reasons {
		h.Alive = h.Alive && !r.Dead
	}
	return h
}

func (h *Health) add(r Reason) { h.Reasons = append(h.Reasons, r) }

func (h *Health) app(s streams.Snapshot) {
	r := Reason{Worker: -1, For: s.At.Sub(s.Since)}
	switch s.State {
	case streams.Running:
		return
	case streams.Created:
		r.Text, r.For = "Run has not been called", 0
	case streams.Failed:
		r.Text, r.Dead = "failed: "+s.Error, true
	default:
		r.Text = s.State.String()
		if s.State == streams.Joining && s.Error != "" {
			r.Text += ", after: " + s.Error
		}
	}
	h.add(r)
}

// worker: one that waits for Kafka is alive, whatever that takes, as a start anew would wait again.
func (h *Health) worker(s streams.Snapshot, w streams.WorkerStatus, bound time.Duration) {
	if !w.CodeSince.IsZero() {
		if took := s.At.Sub(w.CodeSince); took >= slow {
			h.add(Reason{w.Worker, w.CodeTask, "the code of a step is at work on one call", took, took >= bound})
		}
	}
	for _, wait := range w.Waits {
		if took := s.At.Sub(wait.Since); took >= slow {
			h.add(Reason{Worker: w.Worker, Text: "waits for " + wait.For, For: took})
		}
	}
	idle := len(w.Waits) == 0 && w.CodeSince.IsZero() && !w.Turned.IsZero() && s.State < streams.Stopping
	if still := s.At.Sub(w.Turned); idle && still >= bound {
		h.add(Reason{Worker: w.Worker, Text: "the worker stands still", For: still, Dead: true})
	}
}

// slow is how long something lasts before it is told.
const slow = time.Second

func (h *Health) task(s streams.Snapshot, t streams.TaskStatus) {
	if t.Running {
		return
	}
	told := false
	for _, r := range s.Restores {
		if r.Task == t.Task {
			text := fmt.Sprintf("restores %s: %d offsets left, %.0f a second", r.Store, r.Remaining(), r.Rate())
			h.add(Reason{Worker: t.Worker, Task: t.Task, Text: text, For: r.Took})
			told = true
		}
	}
	if !told {
		h.add(Reason{Worker: t.Worker, Task: t.Task, Text: "does not run yet"})
	}
}
