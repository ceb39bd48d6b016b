package worker

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// assign opens the tasks whose inputs were assigned to a member of the group, and begins to restore them.
func (s *session) assign(ctx context.Context, member string, committed cluster.Offsets) error {
	if err := s.member.join(member); err != nil {
		return err
	}
	s.worker.waits.end(forGroup)
	if err := s.layout.CheckGrown(committed); err != nil {
		return err
	}
	if s.layout.HasNew(slices.Collect(maps.Keys(committed))) {
		s.checkTopicsNow()
	}
	s.assigned.Add(committed)
	s.told, s.closedAt = true, time.Now()
	s.worker.lessons.owed = nil // what was dropped is done again from here on, by this worker or by others
	ids := s.tasksOf(func(topic string, yield func(int32)) {
		for p := range committed[topic] {
			yield(p)
		}
	})
	var tasks []*restoring
	var gained, here []graph.TaskID
	for _, id := range ids {
		if !s.hasTask(id) && s.complete(id) { // else the offsets were fetched twice, or are not all there yet
			tasks, gained = append(tasks, &restoring{id: id}), append(gained, id)
			if _, err := os.Stat(filepath.Join(s.config.StateDir, id.String())); err == nil {
				here = append(here, id)
			}
		}
	}
	s.cover.rebalanced()
	if len(tasks) > 0 {
		s.worker.report(Restoring)
		s.worker.assignedTasks(gained)
		s.restore(tasks, s.assigned.Clone())
		s.logMoves("tasks gained", gained, "state_here", names(here))
	} else {
		s.reportIfRunning()
	}
	return nil
}

// hasTask is true for a task that runs, or is on its way.
func (s *session) hasTask(id graph.TaskID) bool {
	return s.set.Task(id) != nil || s.restores[id] != nil
}

// nothingAdded: what the worker has is all it gets from this rebalance, which may be no task at all.
func (s *session) nothingAdded(context.Context) error {
	s.worker.waits.end(forGroup)
	s.told, s.closedAt = true, time.Now()
	s.worker.lessons.owed = nil
	s.cover.rebalanced()
	s.reportIfRunning()
	return nil
}

// complete is true if all inputs of a task have been assigned. It may happen that they come one by one: while members
// of two versions of an application share a group, and while its leader does not know yet of a topic that matches a
// pattern.
func (s *session) complete(id graph.TaskID) bool {
	topo := s.config.Topology
	return !slices.ContainsFunc(topo.Inputs(topo.Subs()[id.Sub]), func(topic string) bool {
		return !s.assigned.Has(topic, id.Partition) && id.Partition < s.layout.Partitions.Topics[topic]
	})
}

// keepsInputs is true if a task loses some of its inputs and keeps others, for the same reasons.
func (s *session) keepsInputs(id graph.TaskID) bool {
	topo := s.config.Topology
	return s.hasTask(id) && slices.ContainsFunc(topo.Inputs(topo.Subs()[id.Sub]), func(topic string) bool {
		return s.assigned.Has(topic, id.Partition)
	})
}

// tasksOf are the tasks that read any of the given partitions.
func (s *session) tasksOf(partitions func(topic string, yield func(int32))) (ids []graph.TaskID) {
	topo := s.config.Topology
	for _, sub := range topo.Subs() {
		for _, topic := range topo.Inputs(sub) {
			partitions(topic, func(p int32) {
				if id := (graph.TaskID{Sub: sub.ID, Partition: p}); !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			})
		}
	}
	return ids
}

// openTask makes a task on its databases, which it has taken even if that fails.
func (s *session) openTask(id graph.TaskID) (*task.Task, error) {
	engines, err := s.config.Process.Engines.acquire(s.worker.taskDir(id), s.config.Index)
	if err != nil {
		return nil, err
	}
	return s.set.Make(id, engines)
}

// startTask runs a task that has been restored.
func (s *session) startTask(ctx context.Context, x *restoring) error {
	delete(s.restores, x.id)
	if len(x.moved) > 0 {
		return s.moveOffsets(ctx, x)
	}
	s.forgetRefused(x)
	s.set.Enter(x.task)
	if err := s.worker.calls.call(func() error { return s.set.Start(x.task, x.committed) }); err != nil {
		return err
	}
	s.giveUnread(x.task)
	resume := map[string][]int32{}
	for _, in := range x.task.Inputs() {
		resume[in.Topic] = append(resume[in.Topic], in.Partition)
	}
	s.client.ResumeFetchPartitions(resume)
	if !s.config.ExactlyOnce && x.task.Keeps() && x.chosen() {
		// Else a changelog that has records, and a group without an offset, could be what a dead process left.
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	s.reportIfRunning()
	return nil
}

// chosen is true if the group has no offset yet of an input of the task.
func (x *restoring) chosen() bool {
	return slices.ContainsFunc(x.task.Inputs(), func(in *task.Input) bool { return x.committed[in.Topic].Chosen })
}

// revoke commits, and gives up the tasks whose inputs go to other members.
func (s *session) revoke(ctx context.Context, gone map[string][]int32) error {
	s.assigned.Remove(gone)
	for topic, numbers := range gone {
		for _, p := range numbers {
			delete(s.unread, partition{topic, p})
		}
	}
	ids := s.tasksOf(func(topic string, yield func(int32)) {
		for _, p := range gone[topic] {
			yield(p)
		}
	})
	if len(ids) == 0 {
		return nil
	}
	lost := slices.DeleteFunc(slices.Clone(ids), func(id graph.TaskID) bool { return !s.hasTask(id) })
	s.out.send(ctx, s.set.Outputs())
	if s.set.Pending() {
		if err := s.commit(ctx); err != nil {
			return fmt.Errorf("commit before partitions are revoked: %w", err)
		}
	}
	if slices.ContainsFunc(ids, s.keepsInputs) {
		return cluster.ErrTopicsChanged // the session that follows has what stays
	}
	if err := s.stopRestoring(ids); err != nil {
		return err
	}
	for _, id := range ids {
		t, err := s.set.Leave(id)
		if t != nil {
			s.config.Process.Engines.release(s.worker.taskDir(id), s.config.Index)
		}
		if err != nil {
			return err
		}
	}
	s.logMoves("tasks lost", lost)
	s.worker.revokedTasks(lost)
	return nil
}

// closeIdle closes databases of tasks that did not come back to this session. Which do the group must have said first.
func (s *session) closeIdle() {
	if !s.told || time.Since(s.closedAt) < keepIdle {
		return
	}
	s.closedAt = time.Now()
	due := map[string]bool{}
	for id := range s.restores {
		due[s.worker.taskDir(id)] = true
	}
	log := s.config.Logger
	s.config.Process.Engines.closeIdle(s.config.Index, keepIdle, due, func(dir string, err error) {
		log.Warn("database of a task that has gone", "dir", dir, "error", err)
	})
}

// reportIfRunning is when no task is to be restored any more.
func (s *session) reportIfRunning() {
	if len(s.restores) == 0 && s.movedAt.IsZero() {
		s.worker.report(Running)
	}
}
