package worker

import (
	"context"
	"errors"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
)

// localError is of a commit that Kafka has, and the database of one task has not.
type localError struct {
	id  graph.TaskID
	err error
}

func (e *localError) Error() string { return e.err.Error() }

func (e *localError) Unwrap() error { return e.err }

// ofOneTask makes a localError of what the databases say to a commit, if it is one of them only. The disk is the same
// for all.
func ofOneTask(err error) error {
	var failed *task.Error
	all, _ := err.(interface{ Unwrap() []error })
	if all == nil || len(all.Unwrap()) != 1 || errors.Is(err, store.ErrDisk) || !errors.As(err, &failed) {
		return err
	}
	return &localError{id: failed.Task, err: err}
}

// partition is one of an input.
type partition struct {
	topic  string
	number int32
}

// evict takes a task whose database is damaged out of the set, and restores it, while the others go on: nil. Where that
// cannot be, it returns the error, which ends the session.
//
// A record that met the damage has been undone. So what the task did before it is as good as what the others did, and
// is committed with that. What was fetched of the task's inputs and not processed is kept until it runs again.
func (s *session) evict(ctx context.Context, err error) error {
	id, alone := s.damagedAlone(err)
	if !alone {
		return err
	}
	var local *localError
	if !errors.As(err, &local) {
		s.out.send(ctx, s.set.Outputs())
		if s.set.Pending() {
			failed := s.commit(ctx)
			if failed != nil && (!errors.As(failed, &local) || local.id != id) {
				return errors.Join(err, failed)
			}
		}
	}
	s.evicted[id] = true
	offsets := s.setAside(s.set.Task(id))
	if _, failed := s.set.Leave(id); failed != nil {
		return errors.Join(err, failed)
	}
	if failed := s.worker.discard(id, err); failed != nil {
		return errors.Join(err, failed)
	}
	s.config.Logger.Warn("the database of a task failed: it is restored, and the others go on", "task", id.String(),
		"error", err)
	s.worker.report(Restoring)
	s.restore([]*restoring{{id: id}}, offsets)
	return nil
}

// damagedAlone is the task whose database is damaged, if no other one is concerned. A task is evicted once in a
// session: if that does not help, the worker begins again.
func (s *session) damagedAlone(err error) (id graph.TaskID, alone bool) {
	var local *localError
	var process *task.ProcessError
	switch {
	case errors.As(err, &local):
		id = local.id
	case s.config.Topology.Global() != nil: // a step may have read their rows
		return id, false
	case errors.As(err, &process) && process.Topic != "" && errors.Is(process, store.ErrCorrupt):
		id = process.Task
	default:
		return id, false
	}
	return id, !s.evicted[id] && s.set.Task(id) != nil
}

// setAside keeps what waits in a task's inputs, which rest, and gives the offsets from which the task goes on.
func (s *session) setAside(t *task.Task) cluster.Offsets {
	offsets, inputs := cluster.Offsets{}, map[string][]int32{}
	for _, in := range t.Inputs() {
		offsets.Add(cluster.Offsets{in.Topic: {in.Partition: in.Position()}})
		inputs[in.Topic] = append(inputs[in.Topic], in.Partition)
		s.unread[partition{in.Topic, in.Partition}] = in.Waiting()
	}
	s.client.PauseFetchPartitions(inputs)
	return offsets
}

// giveUnread gives a task that runs again what was kept of its inputs.
func (s *session) giveUnread(t *task.Task) {
	for _, in := range t.Inputs() {
		p := partition{in.Topic, in.Partition}
		if kept, ok := s.unread[p]; ok {
			delete(s.unread, p)
			s.set.Add(in, kept, -1)
		}
	}
}
