package rescale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// work goes on from the phase that the plan has reached.
func (j *job) work(ctx context.Context) error {
	for _, step := range []struct {
		from, to Phase
		do       func(context.Context) error
	}{
		{Planned, Marked, j.mark},
		{Marked, Saved, j.save},
		{Saved, Rewritten, j.rewrite},
		{Rewritten, Grown, j.grow},
		{Grown, Committed, j.commit},
		{Committed, Done, j.clean},
	} {
		if j.plan.Phase != step.from {
			continue
		}
		if err := step.do(ctx); err != nil {
			return err
		}
		if err := j.reach(ctx, step.to); err != nil {
			return err
		}
	}
	return nil
}

// reach enters a phase. The last ones have no journal any more.
func (j *job) reach(ctx context.Context, phase Phase) error {
	j.plan.Phase = phase
	if phase != Done && phase != Undone {
		if err := j.journal.write(ctx, j.plan); err != nil {
			return err
		}
	}
	return j.At(ctx, string(phase))
}

// mark keeps applications from starting. The journal comes first: what is marked can be undone.
func (j *job) mark(ctx context.Context) error {
	copies := int16(-1)
	if len(j.plan.Topics) > 0 {
		copies = j.plan.Topics[0].Copies
	}
	if !j.resumed {
		if err := j.journal.create(ctx, copies); err != nil {
			return err
		}
		if err := j.reach(ctx, Planned); err != nil {
			return err
		}
	}
	if err := j.asPlanned(ctx); err != nil {
		return err
	}
	j.Say("marking the offsets of %s: no instance starts from now on", j.plan.App)
	return j.commitMark(ctx)
}

func (j *job) commitMark(ctx context.Context) error {
	var marked []Offset
	for _, o := range j.plan.Offsets {
		m := graph.DecodeMetadata(o.Metadata)
		if m.Times == nil {
			m.Times = map[string]int64{}
		}
		maps.DeleteFunc(m.Times, func(name string, _ int64) bool { return task.IsFence(name) }) // they need room
		m.Times[task.RescalingKey] = j.plan.Began
		o.Metadata = m.Encode()
		marked = append(marked, o)
	}
	return j.commitOffsets(ctx, marked)
}

// commitOffsets commits all of them in one request: the group has all of them or none.
func (j *job) commitOffsets(ctx context.Context, all []Offset) error {
	var offsets kadm.Offsets
	for _, o := range all {
		offsets.Add(kadm.Offset{
			Topic: o.Topic, Partition: o.Partition, At: o.At, LeaderEpoch: o.Epoch, Metadata: o.Metadata,
		})
	}
	if err := j.admin.CommitAllOffsets(ctx, j.plan.App, offsets); err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", j.plan.App, err)
	}
	return nil
}

// unchanged is an error if the application or producers have gone on since the plan was made, as long as there is a way
// back. Where an input has grown there is none: what was written to the wrong partitions is told, and processed there.
func (j *job) unchanged(ctx context.Context) error {
	if err := j.nobody(ctx); err != nil {
		return err
	}
	for _, in := range j.plan.Inputs {
		if in.From == in.To {
			continue
		}
		at, err := ends(ctx, j.admin, j.Wait, in.Topic)
		if err != nil {
			return err
		}
		misplaced, err := j.misplaced(ctx, in, at[in.Topic])
		if err != nil {
			return err
		}
		var grown *DeclinedError
		switch err := j.undoable(ctx); {
		case misplaced == 0:
		case err == nil:
			return declined("%d records were written to %s since the change was planned, where they would not be looked for: "+
				"stop the producers, and undo the change (--undo), so that the application can process them", misplaced, in.Topic)
		case !errors.As(err, &grown):
			return err
		default:
			j.note("%d records were written to %s while inputs grew, and are processed with the state of other partitions: "+
				"producers must stand still", misplaced, in.Topic)
		}
	}
	return nil
}

// note has the plan tell something, once.
func (j *job) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.plan.Notes, text) {
		j.plan.Notes = append(j.plan.Notes, text)
	}
}

func orDeclined(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return declined(format, args...)
}

// save copies the internal topics that change.
func (j *job) save(ctx context.Context) error {
	for i := range j.plan.Topics {
		t := &j.plan.Topics[i]
		if t.State != "" {
			continue
		}
		j.Say("copying %s to %s", t.Name, t.Saved)
		if err := j.saveTopic(ctx, t); err != nil {
			return err
		}
		t.State = stateSaved
		if err := j.reach(ctx, Marked); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) saveTopic(ctx context.Context, t *Topic) error {
	configs := kept(t.Configs)
	policy := "delete"
	configs["cleanup.policy"] = &policy
	if err := recreate(ctx, j.admin, t.Saved, t.From, t.Copies, configs); err != nil {
		return err
	}
	place := j.placing(t)
	put := func(r row) (int32, row, error) { return r.partition, r, nil }
	rows := func(show func(row) error) error { return j.rows(ctx, t, show) }
	written, err := j.copyTo(ctx, t.Saved, t, place, rows, put)
	if err != nil {
		return err
	}
	if err := j.At(ctx, "copied "+t.Name); err != nil {
		return err
	}
	return j.compare(ctx, t.Saved, t, place, written)
}

// compare reads what was written.
func (j *job) compare(ctx context.Context, topic string, t *Topic, place placing, written Digest) error {
	found, err := j.digestOf(ctx, topic, place)
	if err != nil {
		return err
	}
	if found != written || found != t.Rows {
		return fmt.Errorf("topic %s was written with %v and has %v, where %s had %v: nothing is lost: has anybody written "+
			"to it? Run the command again", topic, written, found, t.Name, t.Rows)
	}
	return nil
}

// rewrite makes the internal topics anew in the new layout.
func (j *job) rewrite(ctx context.Context) error {
	if err := j.unchanged(ctx); err != nil {
		return err
	}
	for i := range j.plan.Topics {
		t := &j.plan.Topics[i]
		if t.State == stateRewritten {
			continue
		}
		place := j.placing(t)
		answers := int32(0)
		if a := j.plan.topic(place.answersTo); a != nil {
			answers = a.To
		}
		j.Say("making %s anew with %d partitions", t.Name, t.To)
		err := j.replace(ctx, t, t.To, func(r row) (int32, row, error) {
			partition, err := place.partition(r, t.To)
			if err != nil {
				return partition, r, err
			}
			if j.isOut(t, r) {
				return -1, r, nil
			}
			if answers > 0 {
				r, err = place.placed(r, answers)
			}
			return partition, r, err
		})
		if err != nil {
			return err
		}
		t.State = stateRewritten
		if err := j.reach(ctx, Saved); err != nil {
			return err
		}
	}
	return nil
}

// replace makes a topic anew from its copy.
func (j *job) replace(ctx context.Context, t *Topic, partitions int32, put func(row) (int32, row, error)) error {
	place := j.placing(t)
	if found, err := j.digestOf(ctx, t.Saved, place); err != nil || found != t.Rows {
		return orDeclined(err, "topic %s, the copy of %s, has %v and must have %v", t.Saved, t.Name, found, t.Rows)
	}
	t.State = stateReplaced
	if err := j.reach(ctx, j.plan.Phase); err != nil {
		return err
	}
	if err := recreate(ctx, j.admin, t.Name, partitions, t.Copies, kept(t.Configs)); err != nil {
		return err
	}
	if err := j.At(ctx, "emptied "+t.Name); err != nil {
		return err
	}
	left := Digest{}
	written, err := j.copyTo(ctx, t.Name, t, place, func(show func(row) error) error {
		return j.inTime(ctx, t, func(r row) error {
			if partition, _, err := put(r); err == nil && partition < 0 {
				same, err := place.canonical(r)
				left.add(same)
				return err
			}
			return show(r)
		})
	}, put)
	if err != nil {
		return err
	}
	if err := j.At(ctx, "filled "+t.Name); err != nil {
		return err
	}
	found, err := j.digestOf(ctx, t.Name, place)
	if err != nil {
		return err
	}
	if whole := found.plus(left); found != written || whole != t.Rows {
		return fmt.Errorf("topic %s was written with %v and has %v, where its copy has %v: run the command again",
			t.Name, written, found, t.Rows)
	}
	return settle(ctx, j.admin, t.Name, t.Configs)
}

// grow gives the inputs their partitions.
func (j *job) grow(ctx context.Context) error {
	if err := j.unchanged(ctx); err != nil {
		return err
	}
	for _, in := range j.plan.Inputs {
		err := until(ctx, fmt.Sprintf("topic %s with %d partitions", in.Topic, in.To), func() (bool, error) {
			found, err := partitionsOf(ctx, j.admin, in.Topic)
			if err != nil {
				return false, err
			}
			if has := int32(len(found[in.Topic].Partitions)); has >= in.To {
				return true, nil
			}
			j.Say("giving %s %d partitions", in.Topic, in.To)
			answers, err := j.admin.UpdatePartitions(ctx, int(in.To), in.Topic)
			if err == nil {
				err = answers.Error()
			}
			return false, err
		})
		if err != nil {
			return err
		}
		if err := j.At(ctx, "grown "+in.Topic); err != nil {
			return err
		}
	}
	return nil
}

// commit lets applications start.
func (j *job) commit(ctx context.Context) error {
	starts, err := ends(ctx, j.admin, j.Wait, j.topicsRead()...)
	if err != nil {
		return err
	}
	j.Say("committing the offsets of all partitions")
	if err := j.commitOffsets(ctx, j.newOffsets(starts)); err != nil {
		return err
	}
	return j.At(ctx, "committed offsets")
}

// clean removes the copies and, last, the journal.
func (j *job) clean(ctx context.Context) error {
	for _, t := range j.plan.Topics {
		if err := remove(ctx, j.admin, t.Saved); err != nil {
			return err
		}
	}
	if err := j.At(ctx, "cleaned"); err != nil {
		return err
	}
	return remove(ctx, j.admin, j.journal.topic)
}
