package task

import "sync/atomic"

// Pace tells a set how long it may work before its worker looks up. A set has no clock: other goroutines change the
// atomic fields while records are processed.
type Pace struct {
	// Ticks goes up as time passes. A task whose turn has seen one lets the others have theirs.
	Ticks atomic.Int64
	// Stop ends the step, or the round of punctuations, behind the call of the user's code that is under way.
	Stop atomic.Bool
	// Working is the task that the user's code was last called for.
	Working atomic.Pointer[Task]
	// Bytes is how much a step may take in, and how much it may leave to be sent, before it ends. 0: any amount. Only
	// the worker's goroutine changes it.
	Bytes int64
}

// turnRecords is how many records a task takes in its turn.
const turnRecords = 256

// mostDebt is how many turns a task that was slow waits for the others, at most.
const mostDebt = 64

// turns are the tasks that have a record to take, in the order of their turns. The zero value is empty.
type turns struct {
	first, last *Task
	count       int
}

// add puts a task behind all others, unless it waits already.
func (q *turns) add(t *Task) {
	if t.waits {
		return
	}
	t.waits, t.next = true, nil
	if q.last == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
	q.count++
}

// next is the task whose turn it is, nil if there is none. Tasks that have nothing left are passed over. One that took
// more than its time lets those go first that did not: for each tick too many, one turn of each.
func (q *turns) next() *Task {
	for q.first != nil {
		t := q.first
		if q.first = t.next; q.first == nil {
			q.last = nil
		}
		t.waits, t.next = false, nil
		q.count--
		switch {
		case t.headInput == nil:
		case t.debt > 0 && q.count > 0:
			t.debt--
			q.add(t)
		default:
			t.debt = 0
			return t
		}
	}
	return nil
}
