package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/worker"
	"github.com/millstream-go/millstream/state"
)

// Owner is the process that has the task of a partition of a store.
type Owner struct {
	Partition int32  // -1: a global table, which each process has
	Here      bool   // it is this one
	Endpoint  string // its Config.Endpoint; empty: it has none
}

// group is what a running App knows of its group. The type behind it is not for who names an App only, see run.
type group interface {
	Members(ctx context.Context) ([]worker.Member, error)
	TasksOf(sub int) (n int32, inputs []string)
}

// meet tells which group there is.
func meet(a *App, c *cluster.Cluster) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.group = nil; c != nil {
		a.mu.group = worker.NewGroup(c)
	}
}

func (a *App) group() group {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.group
}

// tasksOf is how many tasks a sub-topology has, 0 if that is not known yet.
func (a *App) tasksOf(sub *graph.Sub) (n int32) {
	if g := a.group(); g != nil {
		n, _ = g.TasksOf(sub.ID)
	}
	return n
}

// Owner tells which process has a row: the options are OfKey or InPartition. What brokers tell of the group is asked
// at most once a second. While a task moves, the answer may be the process that had it; that one answers an
// UnavailableError then. The error is one, too, if nobody has the task.
func (a *App) Owner(ctx context.Context, store state.Declaration, options ...ViewOption) (Owner, error) {
	if store == nil {
		return Owner{}, ErrNoStore
	}
	name := storage.Of(store).Name()
	o, sub, err := a.asked(name, options)
	switch {
	case err != nil:
		return Owner{}, err
	case sub.ID == graph.GlobalSub:
		return Owner{Partition: -1, Here: true, Endpoint: a.config.Endpoint}, nil
	case !o.byKey && o.partition < 0:
		return Owner{}, errors.New("streams: Owner needs OfKey or InPartition")
	}
	g := a.group()
	switch {
	case g == nil:
		return Owner{}, notRunning(a.State())
	case o.partition < 0: // nothing is known of the topics
		return Owner{}, &UnavailableError{Store: name, Partition: -1, Here: true}
	case o.partition >= a.tasksOf(sub):
		return Owner{}, fmt.Errorf("streams: store %s has %d partitions: there is no partition %d",
			name, a.tasksOf(sub), o.partition)
	}
	for _, t := range a.readers.Of(sub.ID) {
		if t.ID.Partition == o.partition {
			return Owner{Partition: o.partition, Here: true, Endpoint: a.config.Endpoint}, nil
		}
	}
	return a.ownerElsewhere(ctx, g, name, sub, o.partition)
}

func (a *App) ownerElsewhere(
	ctx context.Context, g group, store string, sub *graph.Sub, partition int32,
) (Owner, error) {
	members, err := g.Members(ctx)
	if err != nil {
		return Owner{}, &UnavailableError{Store: store, Partition: partition, Here: true, Err: err}
	}
	a.mu.Lock()
	own := a.mu.process
	a.mu.Unlock()
	_, inputs := g.TasksOf(sub.ID)
	for _, m := range members {
		if m.Has(inputs, partition) {
			return Owner{Partition: partition, Here: m.Process == own, Endpoint: m.Endpoint}, nil
		}
	}
	return Owner{}, &UnavailableError{Store: store, Partition: partition, Here: true}
}
