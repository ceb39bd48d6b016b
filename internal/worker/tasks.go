package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// open opens the tasks whose inputs were assigned to a member of the group, and begins to restore them.
func (w *Worker) open(ctx context.Context, member string, committed cluster.Offsets) error {
	if err := w.join(member); err != nil {
		return err
	}
	w.waits.end(forGroup)
	if err := w.layout.CheckGrown(committed); err != nil {
		return err
	}
	if w.layout.HasNew(slices.Collect(maps.Keys(committed))) {
		w.lookNow()
	}
	w.assigned.Add(committed)
	w.owed = nil // what was dropped is done again from here on, by this worker or by others
	ids := w.tasksOf(func(topic string, yield func(int32)) {
		for p := range committed[topic] {
			yield(p)
		}
	})
	var tasks []*restoring
	var gained, here []topology.TaskID
	for _, id := range ids {
		if !w.has(id) && w.complete(id) { // else the offsets were fetched twice, or are not all there yet
			tasks, gained = append(tasks, &restoring{id: id}), append(gained, id)
			if _, err := os.Stat(filepath.Join(w.config.StateDir, id.String())); err == nil {
				here = append(here, id)
			}
		}
	}
	w.cover.rebalanced()
	if len(tasks) > 0 {
		w.report(Restoring)
		w.assignedTasks(gained)
		w.restore(tasks, w.assigned.Clone())
		w.logMoves("tasks gained", gained, "state_here", names(here))
	} else {
		w.settled()
	}
	return nil
}

// has is true for a task that runs, or is on its way.
func (w *Worker) has(id topology.TaskID) bool { return w.set.Task(id) != nil || w.restores[id] != nil }

// nothingAdded: what the worker has is all it gets from this rebalance, which may be no task at all.
func (w *Worker) nothingAdded(context.Context) error {
	w.waits.end(forGroup)
	w.owed = nil
	w.cover.rebalanced()
	w.settled()
	return nil
}

// complete is true if all inputs of a task have been assigned. It may happen that they come one by one: while members
// of two versions of an application share a group, and while its leader does not know yet of a topic that matches a
// pattern.
func (w *Worker) complete(id topology.TaskID) bool {
	topo := w.config.Topology
	return !slices.ContainsFunc(topo.Inputs(topo.Subs[id.Sub]), func(topic string) bool {
		return !w.assigned.Has(topic, id.Partition) && id.Partition < w.layout.Partitions.Topics[topic]
	})
}

// keepsInputs is true if a task loses some of its inputs and keeps others, for the same reasons.
func (w *Worker) keepsInputs(id topology.TaskID) bool {
	topo := w.config.Topology
	return w.has(id) && slices.ContainsFunc(topo.Inputs(topo.Subs[id.Sub]), func(topic string) bool {
		return w.assigned.Has(topic, id.Partition)
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

func (w *Worker) taskDir(id topology.TaskID) string {
	return filepath.Join(w.config.StateDir, id.String())
}

// openTask makes a task on its databases, which it has taken even if that fails.
func (w *Worker) openTask(id topology.TaskID) (*task.Task, error) {
	engines, err := w.config.Process.Engines.take(w.taskDir(id), w.config.Index)
	if err != nil {
		return nil, err
	}
	return w.set.Make(id, engines)
}

// leaveTask ends a task without a commit. Its databases stay open for whoever has it next.
func (w *Worker) leaveTask(t *task.Task) error {
	defer w.config.Process.Engines.give(w.taskDir(t.ID), w.config.Index)
	return t.End()
}

// discard closes the databases of a task that have failed. Damaged ones are taken out of the way: the task is restored
// into new ones. What another worker of the process has by now is left to that one.
func (w *Worker) discard(id topology.TaskID, failure error) error {
	dir := w.taskDir(id)
	var held *HeldError
	if err := w.config.Process.Engines.discard(dir, w.config.Index); errors.As(err, &held) {
		return nil
	} else if err != nil {
		failure = errors.Join(failure, err)
	}
	if !errors.Is(failure, store.ErrCorrupt) {
		return nil
	}
	to, err := store.SetAside(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		w.config.Logger.Warn("damaged state set aside; it is restored from the changelogs",
			"task", id.String(), "to", to, "error", failure)
	}
	return err
}

// start runs a task that has been restored.
func (w *Worker) start(ctx context.Context, x *restoring) error {
	delete(w.restores, x.id)
	if len(x.moved) > 0 {
		return w.move(ctx, x)
	}
	w.forgetRefused(x)
	w.set.Enter(x.task)
	if err := w.calls.call(func() error { return w.set.Start(x.task, x.committed) }); err != nil {
		return err
	}
	resume := map[string][]int32{}
	for _, in := range x.task.Inputs() {
		resume[in.Topic] = append(resume[in.Topic], in.Partition)
	}
	w.client.ResumeFetchPartitions(resume)
	if !w.config.ExactlyOnce && x.task.Keeps() && x.chosen() {
		// Else a changelog that has records, and a group without an offset, could be what a dead process left.
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	w.settled()
	return nil
}

// chosen is true if the group has no offset yet of an input of the task.
func (x *restoring) chosen() bool {
	return slices.ContainsFunc(x.task.Inputs(), func(in *task.Input) bool { return x.committed[in.Topic].Chosen })
}

// revoke commits, and gives up the tasks whose inputs go to other members.
func (w *Worker) revoke(ctx context.Context, gone map[string][]int32) error {
	w.assigned.Remove(gone)
	ids := w.tasksOf(func(topic string, yield func(int32)) {
		for _, p := range gone[topic] {
			yield(p)
		}
	})
	if len(ids) == 0 {
		return nil
	}
	lost := slices.DeleteFunc(slices.Clone(ids), func(id topology.TaskID) bool { return !w.has(id) })
	w.send(ctx, w.set.Outputs())
	if w.set.Pending() {
		if err := w.commit(ctx); err != nil {
			return fmt.Errorf("commit before partitions are revoked: %w", err)
		}
	}
	if slices.ContainsFunc(ids, w.keepsInputs) {
		return cluster.ErrTopicsChanged // the session that follows has what stays
	}
	if err := w.stopRestoring(ids); err != nil {
		return err
	}
	for _, id := range ids {
		t, err := w.set.Leave(id)
		if t != nil {
			w.config.Process.Engines.give(w.taskDir(id), w.config.Index)
		}
		if err != nil {
			return err
		}
	}
	w.logMoves("tasks lost", lost)
	w.revokedTasks(lost)
	return nil
}

// stopRestoring gives up tasks that are on their way. The others of the same restores go on.
func (w *Worker) stopRestoring(ids []topology.TaskID) error {
	stopped := map[*restore]bool{}
	for _, id := range ids {
		if r := w.restores[id]; r != nil {
			stopped[r] = true
		}
	}
	for r := range stopped {
		r.stop()
		var stay, gone []*restoring
		for _, x := range r.tasks {
			switch {
			case w.restores[x.id] != r: // it runs
			case slices.Contains(ids, x.id):
				gone = append(gone, x)
			default:
				stay = append(stay, x)
			}
		}
		if err := w.giveUp(gone); err != nil {
			return err
		}
		if len(stay) > 0 {
			w.restore(stay, r.offsets)
		}
	}
	return nil
}

// giveUp ends tasks of a restore that has stopped.
func (w *Worker) giveUp(tasks []*restoring) error {
	var errs []error
	for _, x := range tasks {
		delete(w.restores, x.id)
		w.waits.end(x.name())
		if x.task != nil {
			errs = append(errs, w.leaveTask(x.task))
		}
	}
	return errors.Join(errs...)
}

// stopRestores ends all restores.
func (w *Worker) stopRestores() error {
	return w.stopRestoring(slices.Collect(maps.Keys(w.restores)))
}

// closeIdle closes databases of tasks that did not come back to this session.
func (w *Worker) closeIdle() {
	if time.Since(w.closedAt) < keepIdle {
		return
	}
	w.closedAt = time.Now()
	log := w.config.Logger
	w.config.Process.Engines.closeIdle(w.config.Index, keepIdle, func(dir string, err error) {
		log.Warn("database of a task that has gone", "dir", dir, "error", err)
	})
}
