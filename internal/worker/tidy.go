package worker

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
)

// leftover is a directory of a task that another process has.
type leftover struct {
	since time.Time
	// committed are the offsets of its inputs when it was seen first.
	committed map[string]int64
}

// leftovers are the directories of tasks that other processes have by now, as last found. Of the looks at them one is
// under way at a time, and it alone uses them.
type leftovers struct {
	byTask    map[graph.TaskID]leftover
	checkedAt time.Time
	checking  atomic.Bool
}

func newLeftovers() leftovers { return leftovers{byTask: map[graph.TaskID]leftover{}} }

// checkLeftovers looks now and then for directories of tasks that are other processes' by now, and removes them after
// Config.CleanupDelay. One worker of a process does it.
func (s *session) checkLeftovers() {
	delay, l := s.config.CleanupDelay, &s.worker.leftovers
	if s.config.Index != 0 || delay <= 0 || time.Since(l.checkedAt) < min(delay/2, time.Minute) ||
		!l.checking.CompareAndSwap(false, true) {
		return
	}
	l.checkedAt = time.Now()
	t := &tidier{s.config, l.byTask}
	// Started by the loop, one at a time, ends with its requests or with the cluster's client.
	go func() {
		defer l.checking.Store(false)
		if err := t.tidy(t.config.Cluster.Context()); err != nil {
			t.config.Logger.Debug("directories of tasks not looked at", "error", err)
		}
	}()
}

// tidier removes directories.
type tidier struct {
	config    Config
	leftovers map[graph.TaskID]leftover
}

func (t *tidier) tidy(ctx context.Context) error {
	if err := store.RemoveDiscarded(t.config.StateDir); err != nil {
		t.config.Logger.Warn("state that was discarded is still there", "error", err)
	}
	dirs := slices.DeleteFunc(taskDirs(t.config.StateDir), func(id graph.TaskID) bool {
		return id.Sub >= len(t.config.Topology.Subs()) || t.config.Process.roster.has(id)
	})
	for id := range t.leftovers {
		if !slices.Contains(dirs, id) {
			delete(t.leftovers, id)
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	group, err := t.config.Cluster.Group(ctx)
	if err != nil {
		return err
	}
	offsets, err := t.config.Cluster.GroupOffsets(ctx)
	if err != nil {
		return err
	}
	for _, id := range dirs {
		t.removeIfElsewhere(id, group, offsets)
	}
	return nil
}

// removeIfElsewhere removes the directory of a task if another process has had the task for the delay, and has gone on
// with it meanwhile: so it has restored its state, and the directory is not the nearest copy. Where no records come,
// that cannot be known, and the directory stays.
func (t *tidier) removeIfElsewhere(id graph.TaskID, group kadm.DescribedGroup, offsets kadm.OffsetResponses) {
	owner := t.elsewhere(id, group)
	if owner == "" {
		delete(t.leftovers, id)
		return
	}
	old, seen := t.leftovers[id]
	if !seen {
		old = leftover{time.Now(), map[string]int64{}}
		for _, topic := range t.inputs(id) {
			o, _ := offsets.Lookup(topic, id.Partition)
			old.committed[topic] = o.At
		}
		t.leftovers[id] = old
	}
	wentOn := slices.ContainsFunc(t.inputs(id), func(topic string) bool {
		o, ok := offsets.Lookup(topic, id.Partition)
		return ok && o.At > old.committed[topic]
	})
	if !wentOn || time.Since(old.since) < t.config.CleanupDelay {
		return
	}
	dir := filepath.Join(t.config.StateDir, id.String())
	err := store.Discard(dir)
	switch {
	case errors.Is(err, store.ErrLocked): // it has come back just now
	case err != nil:
		t.config.Logger.Warn("state of a task that another process has was not removed", "task", id.String(), "error", err)
	default:
		t.config.Logger.Info("removed the state of a task that another process has", "task", id.String(), "dir", dir,
			"owner", owner, "after", time.Since(old.since).Round(time.Second).String())
	}
}

func (t *tidier) inputs(id graph.TaskID) []string {
	return t.config.Topology.Inputs(t.config.Topology.Subs()[id.Sub])
}

// elsewhere is the member of another process that has all inputs of a task, empty if there is none.
func (t *tidier) elsewhere(id graph.TaskID, group kadm.DescribedGroup) (owner string) {
	own := cluster.IdentityPrefix(t.config.Topology.App(), t.config.Process.ID)
	for _, m := range group.Members {
		assigned, ok := m.Assigned.AsConsumer()
		if !ok || m.InstanceID == nil || strings.HasPrefix(*m.InstanceID, own) {
			continue
		}
		has := map[string]bool{}
		for _, topic := range assigned.Topics {
			has[topic.Topic] = slices.Contains(topic.Partitions, id.Partition)
		}
		all := !slices.ContainsFunc(t.inputs(id), func(topic string) bool {
			return !has[topic] && id.Partition < t.config.Cluster.Partitions(topic)
		})
		if all {
			return *m.InstanceID
		}
	}
	return ""
}
