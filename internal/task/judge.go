package task

import (
	"fmt"
	"time"
)

// Log is a partition of a topic as the cluster has it now.
type Log struct {
	Topic      [16]byte // id; zeros: not known
	Start, End int64
	Forgets    time.Duration // its deletes may be gone after that; 0: never
	// Parts is true if it is known to have lost what was read of it from PartsAt on, whatever it has there now.
	Parts   bool
	PartsAt int64
}

// Compared is the log, as compared with an offset in front of which leaders up to an epoch have written all that there
// was: written is the end of what they have written as the log has it now.
func (l Log) Compared(at, written int64) Log {
	l.Parts, l.PartsAt = written < at && l.Start < at, written
	return l
}

// skew is how far a place may lie in the future of the wall clock, at most: clocks are set right by a little all the
// time.
const skew = time.Minute

// mayMiss is true if rows as of a place may lack deletes that the log has forgotten since. How old a place of the
// future is nobody knows: the clock was ahead when it was entered. The last record of a log is never compacted away.
func (l Log) mayMiss(at Place, now int64) bool {
	age := now - at.At
	return l.Forgets > 0 && at.At > 0 && l.End > at.Offset+1 &&
		(age > l.Forgets.Milliseconds() || age < -min(skew, l.Forgets).Milliseconds())
}

// Facts is what the cluster tells of a task's topics.
type Facts struct {
	Cluster    string               // id; empty: not known
	Now        int64                // wall clock in milliseconds, before the ends of the logs were read
	Committed  map[string]Committed // by input topic
	Inputs     map[string]Log       // by topic
	Changelogs map[string]Log       // by store
	Accept     Accept
}

// Verdict is what becomes of a task's local state, and where its inputs go on.
type Verdict struct {
	// Stale is why the task must be made anew on an empty database; empty: it need not.
	Stale string
	// Spare is true if the changelogs have all that the present database has, so that it may go once they are read.
	Spare bool
	// Moved are offsets that the group must be given, once the task is restored and CheckAhead is nil. The task begins
	// only then, at what the group has. With rows that have gone they are given only where the loss was accepted.
	Moved []Offset
}

// aside is true if the present rows do not stay, and the changelogs may not have all of them.
func (v *Verdict) aside() bool { return v.Stale != "" && !v.Spare }

// Judge compares what the task's directory knows, of its inputs and its changelogs, with what the cluster has. It must
// be called before the changelogs are restored. The rules are a table in DESIGN.md, "Whose state it is".
func (t *Task) Judge(f Facts) (v Verdict, err error) {
	t.ReadFences(f.Committed)
	if t.rescaledSince(f) {
		return t.judgeRescaled(f)
	}
	foreign := t.foreign(f)
	if v.Spare = !foreign; foreign {
		v.Stale = fmt.Sprintf("it belongs to topics of cluster %q, this one is %q", t.home, f.Cluster)
	}
	counted := t.counted(f) || !foreign && t.known()
	for _, c := range t.changelogs {
		stale, spare, err := c.judge(f, foreign, counted)
		if err != nil {
			return v, t.failed(err)
		}
		v.Spare = v.Spare && (spare || stale == "")
		if v.Stale == "" {
			v.Stale = stale
		}
	}
	t.aheadError = nil
	for _, in := range t.inputs {
		if err := in.judge(f, foreign, &v); err != nil {
			return v, t.failed(err)
		}
	}
	if v.Stale == "" {
		err = t.claim(f)
		t.ReadFences(t.withTimes(f.Committed))
	}
	return v, t.failed(err)
}

// rescaledSince is true if the number of partitions was changed after the directory was last part of a commit: its rows
// are those of another layout, and their changelogs have been made anew, with all that was committed.
func (t *Task) rescaledSince(f Facts) bool {
	committed, stored, others := int64(0), int64(0), false
	for _, c := range f.Committed {
		committed = max(committed, rescaledAt(c.Metadata))
	}
	for _, in := range t.inputs {
		stored = max(stored, rescaledAt(in.stored.Metadata))
	}
	for _, c := range t.changelogs {
		others = others || c.place.Offset >= 0 && c.place.otherTopic(f.Changelogs[c.Store].Topic)
	}
	return committed > stored && (t.known() || others)
}

// judgeRescaled sets the directory aside.
func (t *Task) judgeRescaled(f Facts) (v Verdict, err error) {
	v = Verdict{Stale: "the number of partitions has been changed since", Spare: true}
	t.aheadError = nil
	for _, in := range t.inputs {
		if err := in.judge(f, true, &v); err != nil {
			return v, t.failed(err)
		}
	}
	return v, nil
}

// foreign is true if nothing of what the state was made of is in the cluster: it is another one, or all topics are
// others.
func (t *Task) foreign(f Facts) bool {
	if t.home != "" && f.Cluster != "" && t.home != f.Cluster {
		return true
	}
	logs := 0
	for _, c := range t.changelogs {
		if c.spec.Options().NoChangelog || c.place.Offset < 0 {
			continue
		}
		if logs++; !c.place.otherTopic(f.Changelogs[c.Store].Topic) {
			return false
		}
	}
	for _, in := range t.inputs {
		if in.stored.Offset >= 0 && !in.stored.otherTopic(f.Inputs[in.Topic].Topic) {
			return false
		}
	}
	return logs > 0 && t.known()
}

// counted is true if the group has committed that records were processed. A directory that has been part of a commit
// says so, too: offsets expire.
func (t *Task) counted(f Facts) bool {
	for _, in := range t.inputs {
		if c := f.Committed[in.Topic]; c.Offset > 0 && !c.Chosen {
			return true
		}
	}
	return false
}

// judge is why a store's local rows cannot stay, and an error if nothing else has them. Where they are spare, the
// changelog has them.
func (c *Changelog) judge(f Facts, foreign, counted bool) (stale string, spare bool, err error) {
	if c.spec.Options().NoChangelog {
		return "", false, c.judgeUnlogged(f, foreign, counted)
	}
	at, log := c.place, f.Changelogs[c.Store]
	lost, empty := false, log.Start >= log.End
	switch {
	case at.Offset <= 0: // there is nothing to lose
	case foreign:
		stale, lost = "it belongs to another cluster", empty
	case at.otherTopic(log.Topic):
		stale, lost = fmt.Sprintf("changelog %s has been created anew (if by a reset of the application, remove its state "+
			"directory, too)", c.Topic), true
	case c.cut != "":
		stale, lost = c.cut, true
	case at.Offset > log.End:
		stale, lost = fmt.Sprintf("changelog %s ends at %d, and the state is at %d", c.Topic, log.End, at.Offset), true
	case log.Parts:
		stale, lost = fmt.Sprintf("changelog %s has lost records since the state was entered: what its leaders up to "+
			"then had written ends at %d now, when it had to end at %d", c.Topic, log.PartsAt, c.led.Offset), true
	case at.Offset < log.Start && !c.Expires():
		stale, lost = fmt.Sprintf("changelog %s begins at %d, and the state is at %d", c.Topic, log.Start, at.Offset), empty
	}
	if rows := *c.rowsAt(); stale == "" && rows.Offset > 0 && log.mayMiss(rows, f.Now) {
		spare, stale = true, fmt.Sprintf("changelog %s may have forgotten deletes: the state is of %v, and its "+
			"delete.retention.ms is %v", c.Topic, time.UnixMilli(rows.At).UTC(), log.Forgets)
	}
	if lost && counted && !f.Accept.Has(AcceptLostState) {
		return "", false, &LostStateError{Store: c.Store, Topic: c.Topic, Partition: c.Partition, Reason: stale}
	}
	return stale, spare, nil
}

// judgeUnlogged is an error if a store without a changelog does not have the rows of the last commit. One in memory
// begins anew each time.
func (c *Changelog) judgeUnlogged(f Facts, foreign, counted bool) error {
	if !counted || c.spec.Options().InMemory {
		return nil
	}
	reason := ""
	if c.place.Offset < 0 || foreign {
		if !foreign && c.task.home == "" && c.task.known() || f.Accept.Has(AcceptNewStores) {
			return nil // a directory of times when this was not entered; a new store
		}
		reason = "the state directory does not have it"
	}
	for _, in := range c.task.inputs {
		if at := f.Committed[in.Topic]; reason == "" && !at.Chosen && in.stored.Offset >= 0 && in.stored.Offset < at.Offset {
			reason = fmt.Sprintf("the state directory has it as of offset %d of %s, and the group has committed %d",
				in.stored.Offset, in.Topic, at.Offset)
		}
	}
	if reason == "" {
		return nil
	}
	err := &LostStateError{Store: c.Store, Partition: c.Partition, Reason: reason + ", and it has no changelog"}
	if !f.Accept.Has(AcceptLostState) {
		return err
	}
	if !c.told {
		c.told = true
		c.task.log.Warn("rows are lost, as accepted", "store", c.Store, "reason", err.Reason)
	}
	return nil
}

// known is true if the directory has been part of a commit.
func (t *Task) known() bool {
	for _, in := range t.inputs {
		if in.stored.Offset >= 0 {
			return true
		}
	}
	return false
}

// Keeps is true if the task has rows that outlive it.
func (t *Task) Keeps() bool {
	for _, c := range t.changelogs {
		if o := c.spec.Options(); !o.InMemory || !o.NoChangelog {
			return true
		}
	}
	return false
}

// judge finds where an input goes on.
func (in *Input) judge(f Facts, foreign bool, v *Verdict) error {
	c, log, stored := f.Committed[in.Topic], f.Inputs[in.Topic], in.stored
	if foreign {
		stored = nowhere
	}
	gone := c.Offset < 0 || c.Chosen
	at := c.Offset
	if gone {
		at = stored.Offset
	}
	switch anew := stored.Offset > 0 && stored.otherTopic(log.Topic); {
	case anew && (in.task.Keeps() || !gone), at > log.End && in.task.Keeps(), !gone && at > log.End:
		if !f.Accept.Has(AcceptLostInput) {
			return &LostInputError{Topic: in.Topic, Partition: in.Partition, Offset: at, End: log.End, Anew: anew}
		}
		if anew && (gone || at == stored.Offset || at > log.End) {
			in.move(v, c, log.Start, "")
		} else if !anew {
			in.move(v, c, log.End, c.Metadata)
		}
	case !in.task.Keeps():
		if gone && f.anyCommitted(in) || gone && stored.Offset >= 0 {
			in.warn("the group has no offset: the topic is read as it is declared", "from", c.Offset)
		}
	case f.Accept.Has(AcceptLostOffsets):
		if gone && stored.Offset >= 0 || at < stored.Offset {
			in.warn("the group's offset does not fit the state, as accepted", "from", c.Offset, "state", stored.Offset)
		}
	case gone && stored.Offset >= 0 && v.aside() && !f.Accept.Has(AcceptLostState):
		return in.lostOffset(c) // the rows that have counted up to there do not stay
	case gone && stored.Offset >= 0:
		in.task.aheadError = in.lostOffset(c)
		in.warn("the group has no offset: the input goes on from that of the state", "offset", stored.Offset)
		in.move(v, c, stored.Offset, stored.Metadata)
	case gone && !f.anyCommitted(in):
		in.task.aheadError = in.lostOffset(c)
	case !gone && at < stored.Offset && !f.Accept.Has(AcceptLostInput):
		return in.lostOffset(c)
	case c.byHand() && stored.Offset >= 0 && at >= stored.Offset:
		if v.Stale != "" && !f.Accept.Has(AcceptLostState) {
			return in.lostOffset(c) // without the present rows nobody knows whether there are some ahead of them
		}
		in.task.aheadError = in.lostOffset(c)
	}
	return nil
}

// warn tells something once, however often the task is judged before it runs.
func (in *Input) warn(message string, more ...any) {
	if in.told == message {
		return
	}
	in.told = message
	in.task.log.Warn(message, append([]any{"topic", in.Topic, "partition", in.Partition}, more...)...)
}

func (in *Input) lostOffset(c Committed) error {
	e := &LostOffsetsError{Topic: in.Topic, Partition: in.Partition, Committed: c.Offset, Stored: in.stored.Offset}
	if c.Chosen {
		e.Committed = -1
	}
	return in.task.failed(e)
}

// anyCommitted is true if the group has an offset for any of the task's inputs. One without is new then.
func (f Facts) anyCommitted(in *Input) bool {
	for topic, c := range f.Committed {
		if topic != in.Topic && c.Offset >= 0 && !c.Chosen {
			return true
		}
	}
	return false
}

// move has the group be given another offset, unless it has it.
func (in *Input) move(v *Verdict, c Committed, offset int64, metadata string) {
	if c.Offset == offset && !c.Chosen {
		return
	}
	v.Moved = append(v.Moved, Offset{
		Topic: in.Topic, Partition: in.Partition, Offset: offset, Epoch: -1, Metadata: metadata,
	})
}

// CheckAhead is an error if the restore has shown that the state is further than the offsets from which the task was to
// go on.
func (t *Task) CheckAhead() error {
	if t.ahead {
		return t.aheadError
	}
	return nil
}
