package task

import (
	"sync"

	"github.com/millstream-go/millstream/internal/graph"
)

// Caller makes calls that steps want made, elsewhere than on the goroutine of their task. It tells each one's answer
// once, from any goroutine, or none if the context of the call has ended.
type Caller interface {
	Call(c *graph.Call, answer func(result any, err error))
}

// answers are those that have come and that the set has not looked at.
type answers struct {
	wake func()
	mu   struct {
		sync.Mutex
		come []answer
	}
	left []*Task // whose answers are to be passed on still
}

type answer struct {
	of     *graph.Call
	result any
	err    error
}

// Call has a call made, as the host of the task's nodes.
func (t *Task) Call(c *graph.Call) {
	a := &t.set.answers
	tell := func(result any, err error) { a.add(answer{c, result, err}) }
	if t.config.Caller == nil {
		var result any
		err := Shielded(func() (err error) { result, err = c.Make(c.Within); return err })
		tell(result, err)
		return
	}
	t.config.Caller.Call(c, tell)
}

// add enters an answer, from any goroutine.
func (a *answers) add(come answer) {
	a.mu.Lock()
	a.mu.come = append(a.mu.come, come)
	first := len(a.mu.come) == 1
	a.mu.Unlock()
	if first && a.wake != nil {
		a.wake()
	}
}

func (a *answers) take() []answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	come := a.mu.come
	a.mu.come = nil
	return come
}

// Answer passes on what slow calls have answered, to each task's records in their order. It ends early if the pace says
// so. After an error the set must be aborted.
func (s *Set) Answer(now int64) error {
	s.now = now
	for _, a := range s.answers.take() {
		a.of.Done(a.result, a.err)
		if t := s.Task(a.of.Task); t != nil {
			t.noteAnswers()
		}
	}
	for len(s.answers.left) > 0 {
		t := s.answers.left[0]
		if t.running {
			if err := t.passAnswers(); err != nil {
				return err
			}
		}
		if s.pace.Stop.Load() {
			return nil
		}
		s.answers.left[0] = nil
		t.answers = false
		s.answers.left = s.answers.left[1:]
	}
	s.answers.left = nil
	return nil
}

// Answered is true if Answer has something to do.
func (s *Set) Answered() bool {
	a := &s.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.left) > 0 || len(a.mu.come) > 0
}

// ask begins calls. A record that needs none may be the next one whose answer is passed on.
func (t *Task) ask() {
	if !t.instance.Asks() {
		return
	}
	t.instance.Ask()
	if step, _ := t.instance.Answered(); step != nil {
		t.noteAnswers()
	}
}

// noteAnswers has Set.Answer look at the task.
func (t *Task) noteAnswers() {
	if t.running && !t.answers {
		t.answers = true
		t.set.answers.left = append(t.set.answers.left, t)
	}
}

// passAnswers passes on what has been answered, as long as the pace lets it.
func (t *Task) passAnswers() error {
	t.set.pace.Working.Store(t)
	t.instance.Ask() // calls that waited for one of their key
	for {
		step, w := t.instance.Answered()
		if w == nil {
			break
		}
		if err := t.passAnswer(step, w); err != nil {
			return err
		}
		if t.set.pace.Stop.Load() {
			break
		}
	}
	t.weigh()
	return t.refresh()
}

// passAnswer passes the answer of one record on. Like a record that is read, it is taken back whole if it fails, and
// the error policy decides.
func (t *Task) passAnswer(step graph.Asking, w *graph.Waiting) error {
	from := t.originOf(w)
	t.mark()
	if r, ok := t.refusal(from, w.Offset); ok {
		again := *r.Failed
		return t.leaveWaitingOut(step, t.leaveOut(from, &w.Raw, &again, r.Letter))
	}
	t.answered = w
	t.box.From(from, w.Offset)
	err := Shielded(func() error { return t.instance.Answer(step) })
	t.box.From(nil, 0)
	t.answered = nil
	if err != nil {
		t.undo()
		return t.leaveWaitingOut(step, t.reject(from, &w.Raw, err))
	}
	t.done()
	return nil
}

// leaveWaitingOut goes on without a record that waited, unless the policy has an error for it.
func (t *Task) leaveWaitingOut(step graph.Asking, err error) error {
	if err != nil {
		return err
	}
	t.mark()
	if err := Shielded(step.LeaveOut); err != nil {
		return t.failure("LeaveOut", err)
	}
	t.done()
	return nil
}

// originOf is where a record that waited was read: of an input, the origin outlives the run of the task.
func (t *Task) originOf(w *graph.Waiting) *graph.Origin {
	for _, in := range t.inputs {
		if in.Topic == w.Topic && in.Partition == w.Partition {
			return in.origin
		}
	}
	return &w.Origin
}
