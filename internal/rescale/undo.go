package rescale

import "context"

// undo puts the old layout back.
func (j *job) undo(ctx context.Context) error {
	if err := j.undoable(ctx); err != nil {
		return err
	}
	if err := j.reach(ctx, Undoing); err != nil {
		return err
	}
	if err := j.putBack(ctx); err != nil {
		return err
	}
	if !j.released {
		if err := j.commitOffsets(ctx, j.oldOffsets()); err != nil {
			return err
		}
	}
	if err := j.At(ctx, "undone offsets"); err != nil {
		return err
	}
	if err := j.clean(ctx); err != nil {
		return err
	}
	return j.reach(ctx, Undone)
}

// undoable is an error if the inputs have grown.
func (j *job) undoable(ctx context.Context) error {
	switch j.plan.Phase {
	case Grown, Committed:
		return declined("the inputs have their new partitions, which Kafka cannot take away: go on without --undo")
	}
	for _, in := range j.plan.Inputs {
		found, err := partitionsOf(ctx, j.admin, in.Topic)
		if err != nil {
			return err
		}
		if has := int32(len(found[in.Topic].Partitions)); has > in.Has && !j.plan.Back {
			return declined("%s has %d partitions, which Kafka cannot take away: go on without --undo", in.Topic, has)
		}
	}
	return nil
}

// putBack makes the internal topics that were made anew as they were, once: from when the offsets are those of before,
// the application may write to them.
func (j *job) putBack(ctx context.Context) error {
	if j.plan.Back {
		return nil
	}
	for i := range j.plan.Topics {
		t := &j.plan.Topics[i]
		if t.State != stateReplaced && t.State != stateRewritten {
			continue
		}
		j.Say("putting %s back with %d partitions", t.Name, t.From)
		err := j.replace(ctx, t, t.From, func(r row) (int32, row, error) { return r.partition, r, nil })
		if err != nil {
			return err
		}
	}
	j.plan.Back = true
	return j.reach(ctx, Undoing)
}
