package task

import "github.com/millstream-go/millstream/topology"

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
			t.changed = true
		}
		if !ok {
			if in.idleSince < 0 {
				in.idleSince = t.set.now
			}
			if len(t.inputs) > 1 && !in.allowsOthers(t.set.now, t.config.MaxIdle) {
				t.headInput = nil
				return nil
			}
			continue
		}
		if t.headInput == nil || in.headTime < t.head {
			t.head, t.headInput = in.headTime, in
		}
	}
	return nil
}

// step processes the record that refresh chose, and the stream-time punctuations that it makes due.
func (t *Task) step() error {
	in := t.headInput
	raw := in.queue.head()
	t.streamTime = max(t.streamTime, in.headTime)
	t.mark()
	t.current = in
	err := t.process(in)
	t.current = nil
	if err != nil {
		t.undo()
		if err := t.reject(in, raw, err); err != nil {
			return err
		}
	}
	t.done()
	in.time = max(in.time, in.headTime)
	in.pass()
	if err := t.punctuateStreamTime(); err != nil {
		return err
	}
	return t.refresh()
}

// process shields the task from panics in the user's code.
func (t *Task) process(in *Input) (err error) {
	defer recoverInto(&err)
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
	for _, reason := range t.dropped {
		t.drop(reason)
	}
	t.dropped = t.dropped[:0]
	t.changed = true
}

// dirty is the size of what the task's next commit has to write.
func (t *Task) dirty() (bytes int64) {
	for _, s := range t.stores {
		bytes += s.Dirty()
	}
	return bytes
}

// punctuation is a schedule with the time at which it fires next.
type punctuation struct {
	*topology.Punctuation
	start     int64 // wall-clock schedules count from here
	due       int64
	cancelled bool
}

// Schedule enters a punctuation. A stream-time one is due at the first record; a wall-clock one an interval from now.
//
// A task that has seen records in an earlier life enters its schedules anew. Their last firing was in the same interval
// as its stream time, or they would have fired since: so that tells when they are due, and a restart fires nothing.
func (t *Task) Schedule(p *topology.Punctuation) (cancel func()) {
	entry := &punctuation{Punctuation: p}
	if p.Every < 1 {
		panic("topology: step " + p.Node.Name + " schedules a punctuation at an interval below a millisecond")
	}
	switch {
	case p.Clock == topology.WallClockTime:
		entry.start, entry.due = t.set.now, t.set.now+p.Every
	case !t.running && t.streamTime >= 0:
		entry.passTo(t.streamTime)
	}
	t.punctuations = append(t.punctuations, entry)
	return func() { entry.cancelled = true }
}

// passTo makes a stream-time schedule due at the next multiple of its interval.
func (p *punctuation) passTo(streamTime int64) {
	if p.due = (streamTime/p.Every + 1) * p.Every; p.due < streamTime {
		p.due = never // there is no later multiple
	}
}

func (t *Task) punctuateStreamTime() error {
	for _, p := range t.punctuations {
		if p.Clock == topology.StreamTime && t.streamTime >= p.due {
			p.passTo(t.streamTime)
			if err := t.fire(p, t.streamTime); err != nil {
				return err
			}
		}
	}
	return nil
}

// punctuateWallClock fires what is due: each schedule once, however far the clock has moved.
func (t *Task) punctuateWallClock() error {
	for _, p := range t.punctuations {
		if now := t.set.now; p.Clock == topology.WallClockTime && now >= p.due {
			p.due = p.start + ((now-p.start)/p.Every+1)*p.Every
			if err := t.fire(p, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// fire calls a punctuation. One that fails is taken back whole, and the error policy decides; there is no record to
// send to the dead-letter topic.
func (t *Task) fire(p *punctuation, now int64) error {
	if p.cancelled {
		return nil
	}
	t.mark()
	if err := Shielded(func() error { return p.Call(now) }); err != nil {
		t.undo()
		failed := t.failure("punctuation", err)
		if t.config.fatal(err) {
			return failed
		}
		t.drop(topology.DropProcess)
		t.log.Warn("punctuation left out", "node", failed.Node, "error", err)
	}
	t.done()
	return nil
}

// nextWallClock is the time of the next wall-clock punctuation.
func (t *Task) nextWallClock() int64 {
	next := int64(never)
	for _, p := range t.punctuations {
		if p.Clock == topology.WallClockTime && !p.cancelled {
			next = min(next, p.due)
		}
	}
	return next
}
