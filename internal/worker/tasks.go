package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// open opens the tasks whose inputs were assigned to a member of the group, and begins to restore them.
func (w *Worker) open(ctx context.Context, member string, committed offsets) error {
	if err := w.join(member); err != nil {
		return err
	}
	if err := w.layout.grown(committed); err != nil {
		return err
	}
	if w.layout.news(slices.Collect(maps.Keys(committed))) {
		w.lookNow()
	}
	w.assigned.add(committed)
	ids := w.tasksOf(func(topic string, yield func(int32)) {
		for p := range committed[topic] {
			yield(p)
		}
	})
	var opened []*task.Task
	for _, id := range ids {
		if w.set.Task(id) != nil || !w.complete(id) {
			continue // the offsets were fetched twice, or are not all there yet
		}
		t, err := w.openTask(id)
		if err != nil {
			return err
		}
		opened = append(opened, t)
	}
	if len(opened) > 0 {
		w.report(Restoring)
		w.restore(ctx, opened, w.assigned.clone())
	} else if len(w.restores) == 0 {
		w.report(Running)
	}
	return nil
}

// nothingAdded: what the worker has is all it gets from this rebalance, which may be no task at all.
func (w *Worker) nothingAdded(context.Context) error {
	if len(w.restores) == 0 {
		w.report(Running)
	}
	return nil
}

// complete is true if all inputs of a task have been assigned. It may happen that they come one by one: while members
// of two versions of an application share a group, and while its leader does not know yet of a topic that matches a
// pattern.
func (w *Worker) complete(id topology.TaskID) bool {
	topo := w.config.Topology
	return !slices.ContainsFunc(topo.Inputs(topo.Subs[id.Sub]), func(topic string) bool {
		return !w.assigned.has(topic, id.Partition) && id.Partition < w.layout.Partitions.Topics[topic]
	})
}

// keepsInputs is true if a task loses some of its inputs and keeps others, for the same reasons.
func (w *Worker) keepsInputs(id topology.TaskID) bool {
	t := w.set.Task(id)
	return t != nil && slices.ContainsFunc(t.Inputs(), func(in *task.Input) bool {
		return w.assigned.has(in.Topic, in.Partition)
	})
}

// tasksOf are the tasks that read any of the given partitions.
func (w *Worker) tasksOf(partitions func(topic string, yield func(int32))) (ids []topology.TaskID) {
	topo := w.config.Topology
	for _, sub := range topo.Subs {
		for _, topic := range topo.Inputs(sub) {
			partitions(topic, func(p int32) {
				if id := (topology.TaskID{Sub: sub.ID, Partition: p}); !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			})
		}
	}
	return ids
}

// openTask opens a task on its database, or on a new one if that is damaged.
func (w *Worker) openTask(id topology.TaskID) (*task.Task, error) {
	dir := filepath.Join(w.config.StateDir, id.String())
	open := func() (*task.Task, error) {
		engine, err := w.config.OpenEngine(dir)
		if err != nil {
			return nil, err
		}
		return w.set.Open(id, engine)
	}
	t, err := open()
	if !errors.Is(err, store.ErrCorrupt) {
		return t, err
	}
	if err := w.setAside(id, err); err != nil {
		return nil, err
	}
	return open()
}

// setAside takes a damaged database out of the way: the task is restored into a new one.
func (w *Worker) setAside(id topology.TaskID, damage error) error {
	to, err := store.SetAside(filepath.Join(w.config.StateDir, id.String()))
	if err == nil {
		w.config.Logger.Warn("damaged state set aside; it is restored from the changelogs",
			"task", id.String(), "to", to, "error", damage)
	}
	return err
}

// start runs a task that has been restored.
func (w *Worker) start(r *restore, t *task.Task) error {
	delete(w.restores, t.ID)
	if err := w.set.Start(t, r.committed[t.ID]); err != nil {
		return err
	}
	resume := map[string][]int32{}
	for _, in := range t.Inputs() {
		resume[in.Topic] = append(resume[in.Topic], in.Partition)
	}
	w.client.ResumeFetchPartitions(resume)
	if len(w.restores) == 0 {
		w.report(Running)
	}
	return nil
}

// revoke commits, and gives up the tasks whose inputs go to other members.
func (w *Worker) revoke(ctx context.Context, gone map[string][]int32) error {
	w.assigned.remove(gone)
	ids := w.tasksOf(func(topic string, yield func(int32)) {
		for _, p := range gone[topic] {
			yield(p)
		}
	})
	if len(ids) == 0 {
		return nil
	}
	w.send(ctx, w.set.Outputs())
	if w.set.Pending() {
		if err := w.commit(ctx); err != nil {
			return fmt.Errorf("commit before partitions are revoked: %w", err)
		}
	}
	for _, id := range ids {
		if w.keepsInputs(id) {
			return errTopicsChanged // the session that follows has what stays
		}
		if r := w.restores[id]; r != nil {
			r.stop()
			for other, s := range w.restores {
				if s == r {
					delete(w.restores, other)
				}
			}
			w.again(r, ids)
		}
		if err := w.set.Remove(id); err != nil {
			return err
		}
	}
	return nil
}

// again restores the tasks that a stopped restore had and that stay.
func (w *Worker) again(r *restore, gone []topology.TaskID) {
	var stay []*task.Task
	for _, t := range r.tasks {
		if !slices.Contains(gone, t.ID) && w.set.Task(t.ID) == t && !r.started[t.ID] {
			stay = append(stay, t)
		}
	}
	if len(stay) > 0 {
		w.restore(context.Background(), stay, r.offsets)
	}
}

func (w *Worker) stopRestores() {
	for id, r := range w.restores {
		r.stop()
		delete(w.restores, id)
	}
}
