package task

import (
	"errors"

	"github.com/millstream-go/millstream/internal/store"
)

// unsettled is a commit of a task of which it is not known whether Kafka has it. It is kept of tasks with stores that
// have no changelog: what these have written is nowhere else.
type unsettled struct {
	offsets map[string]Offset // of all inputs, by topic
	batches []store.Batch
}

// commitsKey is the name, among the times of a commit, of how many commits a task with unlogged stores has made that
// moved nothing else. Each of its commits can be told from the one before.
const commitsKey = "millstream-commits"

// Unsettle tells that Kafka has been asked for the commit that Prepare began, and that the answer is an error, or lost.
// What nothing but the databases would have of it is kept until Settle. The set is to be aborted.
func (s *Set) Unsettle() error {
	var errs []error
	others := s.prepared[:0]
	for _, p := range s.prepared {
		if !p.task.hasUnlogged() {
			others = append(others, p)
			continue
		}
		errs = append(errs, p.unsettle())
	}
	s.prepared = others
	return errors.Join(errs...)
}

func (p prepared) unsettle() error {
	t := p.task
	if err := t.setPlaces(p.batches); err != nil {
		return errors.Join(err, p.close())
	}
	u := &unsettled{offsets: map[string]Offset{}, batches: p.batches}
	for _, in := range t.inputs {
		u.offsets[in.Topic] = Offset{Offset: in.position, Metadata: in.metadata}
	}
	t.engines.unsettled = u
	return nil
}

// Settle ends a commit that is not settled: it is written if the group has its offsets, and dropped if it has others.
// If it was written, the task must be made anew.
func (t *Task) Settle(committed map[string]Committed) (written bool, err error) {
	u := t.engines.unsettled
	if u == nil {
		return false, nil
	}
	t.engines.unsettled = nil
	if !u.in(committed) {
		return false, t.failed(u.close())
	}
	for _, b := range u.batches {
		err = errors.Join(err, b.Commit())
	}
	return true, t.failed(errors.Join(err, u.close()))
}

// in is true if the commit is the last one that the group has.
func (u *unsettled) in(committed map[string]Committed) bool {
	for topic, o := range u.offsets {
		if c := committed[topic]; c.Chosen || c.Offset != o.Offset || c.Metadata != o.Metadata {
			return false
		}
	}
	return true
}

func (u *unsettled) close() (err error) {
	for _, b := range u.batches {
		err = errors.Join(err, b.Close())
	}
	return err
}
