package rescale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// offsets are the group's, once no transaction is about to change them; marked is true if a change of partitions is
// under way.
func (j *job) offsets(ctx context.Context) (out []Offset, marked bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, j.Wait)
	defer cancel()
	found, err := j.admin.FetchOffsets(kadm.RequireStable(bounded), j.Lock.App)
	if err == nil {
		err = found.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, false, fmt.Errorf("offsets of group %s: %w", j.Lock.App, err)
	}
	for _, o := range found.Offsets().Sorted() {
		if _, under := graph.DecodeMetadata(o.Metadata).Times[task.RescalingKey]; under {
			marked = true
		}
		if o.At >= 0 {
			out = append(out, Offset{o.Topic, o.Partition, o.At, o.LeaderEpoch, o.Metadata})
		}
	}
	return out, marked, nil
}

// committed are the group's offsets. It is an error if there are none, and while a change of partitions is under way.
func (j *job) committed(ctx context.Context) (out []Offset, err error) {
	if out, err = j.unmarked(ctx); err == nil && len(out) == 0 {
		err = declined("%s has no committed offsets: is it the application id?", j.Lock.App)
	}
	return out, err
}

// unmarked are the group's offsets, if there are any. It is an error while a change of partitions is under way.
func (j *job) unmarked(ctx context.Context) (out []Offset, err error) {
	out, marked, err := j.offsets(ctx)
	if err == nil && marked {
		err = declined("the offsets of %s are marked: its partitions are being changed, or that was broken off: go on with "+
			"it, or undo it, first; topic %s tells how far it has come", j.Lock.App, j.journal.topic)
	}
	return out, err
}

// rescaledAt is when partitions were last changed, by the offsets that were committed then; 0: never.
func rescaledAt(offsets []Offset) (at int64) {
	for _, o := range offsets {
		at = max(at, graph.DecodeMetadata(o.Metadata).Times[task.RescaledKey])
	}
	return at
}

// after is the time, or one behind the last change, whatever the clocks say: directories are compared by it.
func after(offsets []Offset) int64 { return max(time.Now().UnixMilli(), rescaledAt(offsets)+1) }
