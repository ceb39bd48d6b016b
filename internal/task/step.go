package task

import (
	"fmt"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/sim"
)

// refresh works out which record the task takes next: of its partitions, the head with the lowest timestamp, ties by
// topic. None, while a partition is empty that is not known to be caught up.
func (t *Task) refresh() error {
	t.headInput = nil
	for _, in := range t.inputs {
		ok, err := in.advance()
		if err != nil {
			return err
		}
		if in.position != in.committed {
			t.touch()
		}
		if !ok {
			if in.idleSince < 0 {
				in.idleSince = t.set.now
			}
			if len(t.inputs) > 1 && !in.allowsOthers(t.set.now, t.config.MaxIdle) {
				if t.headInput = nil; in.caughtUp() {
					t.set.hold(t, in.idleSince+t.config.MaxIdle)
				}
				return nil
			}
			continue
		}
		if t.headInput == nil || in.headTime < t.head {
			t.head, t.headInput = in.headTime, in
		}
	}
	switch {
	case t.headInput == nil:
	case t.instance.Full():
		t.headInput = nil
	default:
		t.set.ready.add(t)
	}
	return nil
}

// turn processes up to n records, until the pace says that the task's time is over, or that many bytes were taken if
// the pace limits them.
func (t *Task) turn(n int, most int64) (done int, bytes int64, err error) {
	p := t.set.pace
	began := p.Ticks.Load()
	p.Working.Store(t)
	for t.headInput != nil && done < n {
		taken := t.headInput.queue.bytes
		in := t.headInput
		if err = t.step(); err != nil {
			break
		}
		done++
		bytes += taken - in.queue.bytes
		if p.Stop.Load() || p.Ticks.Load() != began || p.Bytes > 0 && max(bytes, t.box.Bytes()) >= most {
			break
		}
	}
	t.records += int64(done)
	t.debt = int(min(max(0, p.Ticks.Load()-began-1), mostDebt)) // one was its own
	t.weigh()
	return done, bytes, err
}

// step processes the record that refresh chose, and the stream-time punctuations that it makes due.
func (t *Task) step() error {
	in := t.headInput
	raw := in.queue.head()
	if r, ok := t.refusal(in.origin, raw.Offset); ok {
		again := *r.Failed // it may come once more
		return t.passOver(in, t.leaveOut(in.origin, raw, &again, r.Letter))
	}
	if err := t.jumps(in.headTime); err != nil {
		return t.passOver(in, t.reject(in.origin, raw, err))
	}
	t.streamTime = max(t.streamTime, in.headTime)
	t.mark()
	t.current = in
	t.box.From(in.origin, raw.Offset)
	err := t.process(in)
	t.current = nil
	if err != nil {
		t.undo()
		if err := t.reject(in.origin, raw, err); err != nil {
			return err
		}
	}
	t.box.From(nil, 0)
	for _, d := range t.dropped {
		t.config.Drops.show(d, t.set.now, in.origin, raw)
	}
	t.done()
	in.time = max(in.time, in.headTime)
	in.pass()
	if err := t.punctuateStreamTime(); err != nil {
		return err
	}
	return t.refresh()
}

// passOver goes on behind a record that was not processed, unless the policy has an error for it.
func (t *Task) passOver(in *Input, err error) error {
	if err != nil {
		return err
	}
	t.touch()
	in.pass()
	return t.refresh()
}

// jumps is an error if a record's time is too far ahead. One that is not ahead of the wall clock is always right, so
// that a task goes on after a long silence.
func (t *Task) jumps(at int64) error {
	most := t.config.MaxJump
	from := max(t.streamTime, t.set.now)
	if most == 0 || at <= from || at-from <= most {
		return nil
	}
	ahead := time.Duration(min(at-from, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	return fmt.Errorf("%w: %s is %v ahead of stream time and the clock, and MaxTimeJump is %v", graph.ErrTimeJump,
		time.UnixMilli(at).UTC().Format(time.RFC3339), ahead, time.Duration(most)*time.Millisecond)
}

// process shields the task from panics in the user's code.
func (t *Task) process(in *Input) (err error) {
	defer recoverInto(&err)
	sim.Record()
	return in.inlet.Process()
}

// mark begins a record or a punctuation.
func (t *Task) mark() {
	for _, s := range t.stores {
		s.Mark()
	}
	t.instance.Mark()
	t.set.mark = t.box.Len()
}

// undo takes back what was done since mark.
func (t *Task) undo() {
	for _, s := range t.stores {
		s.Undo()
	}
	t.instance.Undo()
	t.box.Truncate(t.set.mark)
	t.dropped = t.dropped[:0]
}

// done ends a record or a punctuation that stays.
func (t *Task) done() {
	for _, d := range t.dropped {
		t.config.Drops.add(d)
	}
	t.drops += int64(len(t.dropped))
	t.dropped = t.dropped[:0]
	t.ask()
	t.touch()
}

// touch notes that a running task has something to commit.
func (t *Task) touch() {
	if t.running && !t.changed {
		t.changed = true
		t.set.changed++
	}
}

// settle notes that it has not.
func (t *Task) settle() {
	if t.changed {
		t.changed = false
		t.set.changed--
	}
	t.weigh()
}

// weigh keeps the set's sum of what is to be written.
func (t *Task) weigh() {
	if bytes := t.dirty(); bytes != t.weighed {
		t.set.dirty += bytes - t.weighed
		t.weighed = bytes
	}
}

// dirty is the size of what the task's next commit has to write.
func (t *Task) dirty() (bytes int64) {
	for _, s := range t.stores {
		bytes += s.Dirty()
	}
	return bytes
}
