package rescale

import (
	"context"
	"slices"
	"strings"
)

// resume takes up what was broken off, if anything was. The journal is written behind what it tells, so the last step
// may have been done; and where the offsets have no mark, the application may have run since. Nothing of that is done
// once more: its offsets would be set back.
func (j *job) resume(ctx context.Context) error {
	if j.plan == nil {
		return nil
	}
	if j.plan.Phase == Committed {
		return j.resumes() // what is left is to remove the copies, and the application may run
	}
	if err := j.nobody(ctx); err != nil {
		return err
	}
	offsets, marked, err := j.offsets(ctx)
	if err != nil {
		return err
	}
	switch p := j.plan; {
	case marked:
	case p.Phase == Planned: // nothing has been changed: it is planned anew
		j.plan = nil
		if !j.Undo {
			return nil
		}
		j.plan, j.released, p.Back = p, true, true
	case p.Phase == Grown && rescaledAt(offsets) == p.Began:
		p.Phase = Committed
	case p.Phase == Undoing && p.Back && len(offsets) > 0:
		j.released = true
	case len(offsets) > 0: // those that have expired are in the plan
		return declined("the offsets of %s are not marked any more: somebody has committed others since the change began, "+
			"and they would be set back to where it began. If that is meant, let the group have none "+
			"(kafka-consumer-groups --delete --group %s), and run the command again", j.Lock.App, j.Lock.App)
	}
	return j.resumes()
}

// resumes is an error if what is under way is not what is asked for.
func (j *job) resumes() error {
	j.resumed = true
	for _, t := range j.plan.Topics {
		if storeOf(j.Lock, t.Name) == nil && j.repartition(t.Name) == nil {
			return declined("the change that is under way has topic %s, and the lock file has not: go on with the version of "+
				"the application with which it began", t.Name)
		}
	}
	if j.Undo {
		return nil
	}
	if j.plan.Phase == Undoing {
		return declined("the change of partitions that is under way was being undone: go on with --undo")
	}
	for _, name := range j.plan.Mappings {
		if j.Mappings[name] == nil {
			return declined("the change that is under way began with mappings for %s: go on with the program that has them "+
				"(package streams/rescale)", strings.Join(j.plan.Mappings, ", "))
		}
	}
	for _, in := range j.plan.Inputs {
		to := j.Partitions
		if n, ok := j.Inputs[in.Topic]; ok {
			to = n
		}
		if to > 0 && to != in.To && in.To != in.From {
			return declined("a change of %s to %d partitions is under way: go on with that number, or undo it first",
				in.Topic, in.To)
		}
	}
	return nil
}

// asPlanned is an error if the group's offsets are not those of the plan: the application has run since.
func (j *job) asPlanned(ctx context.Context) error {
	offsets, marked, err := j.offsets(ctx)
	if err == nil && !marked && !slices.Equal(offsets, j.plan.Offsets) {
		return declined("%s has committed offsets in the meantime: stop all instances, and run the command again", j.Lock.App)
	}
	return err
}
