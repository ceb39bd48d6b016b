package streams_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// snapshotOf asks an application for snapshots until one is as it has to be.
func (r *rig) snapshotOf(a *streams.App, is func(s streams.Snapshot) bool) streams.Snapshot {
	var s streams.Snapshot
	require.Eventually(r.t, func() bool { s = a.Snapshot(); return is(s) }, 30*time.Second, time.Millisecond,
		"log:\n%s", r.log)
	return s
}

// TestSnapshotShowsWhatAnAppDoes: tasks with their inputs and stores, commits, and the state with its age.
func TestSnapshotShowsWhatAnAppDoes(t *testing.T) {
	r := newCountRig(t)
	a, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	s := r.snapshotOf(a, func(s streams.Snapshot) bool {
		done := int64(0)
		for _, task := range s.Tasks {
			for _, in := range task.Inputs {
				if in.Lag != 0 || in.Committed != in.Position {
					return false
				}
			}
			done += task.Records
		}
		return done == 40 && s.State == streams.Running
	})
	require.Equal(t, "app", s.App)
	require.Len(t, s.Instance, 32)
	require.Empty(t, s.Error)
	require.WithinRange(t, s.Since, s.At.Add(-time.Hour), s.At)
	require.Empty(t, s.Restores)
	require.Len(t, s.Workers, 1)
	w := s.Workers[0]
	require.Equal(t, streams.Running, w.State)
	require.NotEmpty(t, w.Member)
	require.Equal(t, int64(4), w.Assigned)
	require.WithinRange(t, w.Turned, s.At.Add(-time.Hour), time.Now())
	require.Equal(t, int64(40), w.Total.Records)
	require.GreaterOrEqual(t, w.Total.Produced, int64(20+20+20+17), "repartition, two outputs, changelogs")
	require.Len(t, s.Commits, w.Total.Commits)
	flush := s.CommitTimes["flush"]
	require.Equal(t, uint64(w.Total.Commits), flush.Count)
	require.InDelta(t, w.Total.Flush.Seconds(), flush.Sum, 1e-6)
	require.IsNonDecreasing(t, flush.Counts)
	require.LessOrEqual(t, flush.Counts[len(flush.Counts)-1], flush.Count)
	r.requireTasks(s)
	_, err := json.Marshal(s)
	require.NoError(t, err)
	all, err := a.Instances(t.Context())
	require.NoError(t, err)
	require.Empty(t, all.Unowned)
	require.Equal(t, []streams.Instance{{
		Process: s.Instance, Here: true, Workers: 1, Tasks: []string{"0_0", "0_1", "1_0", "1_1"},
	}}, all.All)
	require.NoError(t, stop())
	s = a.Snapshot()
	require.Equal(t, streams.Stopped, s.State)
	require.Empty(t, s.Tasks)
	r.requireHistory(s)
	_, err = a.Instances(t.Context())
	require.ErrorIs(t, err, streams.ErrNotRunning)
}

// requireHistory: states in their order, and the tasks between them.
func (r *rig) requireHistory(s streams.Snapshot) {
	t := r.t
	var texts, got []string
	for _, h := range s.History {
		require.False(t, h.At.IsZero())
		switch h.Kind {
		case streams.HappenedState:
			require.Equal(t, -1, h.Worker)
			texts = append(texts, h.Text)
		case streams.HappenedAssigned:
			got = append(got, h.Tasks...)
		}
	}
	require.Equal(t, "starting, was created", texts[0])
	require.Contains(t, texts, "running, was restoring")
	require.Equal(t, []string{"stopping, was running", "stopped, was stopping"}, texts[len(texts)-2:])
	require.ElementsMatch(t, []string{"0_0", "0_1", "1_0", "1_1"}, got)
}

// requireTasks: those of the application that counts words, at the end of 20 of them.
func (r *rig) requireTasks(s streams.Snapshot) {
	t := r.t
	names, rows, words := []string{}, 0, int64(0)
	for _, task := range s.Tasks {
		names = append(names, task.Task)
		require.True(t, task.Running)
		require.Len(t, task.Inputs, 1)
		require.Len(t, task.Stores, 1)
		require.Zero(t, task.Lag())
		in, store := task.Inputs[0], task.Stores[0]
		require.Equal(t, in.End, in.Position)
		require.Equal(t, in.Time, task.StreamTime)
		require.Positive(t, task.Behind(s.At))
		require.Equal(t, storage.KindKeyValue, store.Kind)
		require.Equal(t, "app-"+store.Store+"-changelog", store.Changelog)
		require.Positive(t, store.Offset)
		if rows += store.CachedRows; in.Topic == "words" {
			words += in.Committed
		}
	}
	require.Equal(t, []string{"0_0", "0_1", "1_0", "1_1"}, names)
	require.Equal(t, int64(20), words)
	require.Equal(t, 17, rows, "10 keys and 7 words")
}

// TestSnapshotShowsWhoHasTheTasks: each worker has its half of them.
func TestSnapshotShowsWhoHasTheTasks(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Workers = 2
	a, stop := r.start(countWords, config)
	s := r.snapshotOf(a, func(s streams.Snapshot) bool {
		of := map[int]int{}
		for _, task := range s.Tasks {
			of[task.Worker]++
		}
		return of[0] == 2 && of[1] == 2
	})
	for i, w := range s.Workers {
		require.Equal(t, i, w.Worker)
		require.NotEmpty(t, w.Member)
		require.Equal(t, int64(2), w.Assigned-w.Revoked)
	}
	require.NoError(t, stop())
}

// held is an engine in memory that keeps rows waiting, and tells of the first.
type held struct {
	state.Engine
	wait func()
}

func (e held) NewBatch() store.Batch { return &heldBatch{e.Engine.NewBatch(), e.wait, false} }

type heldBatch struct {
	store.Batch
	wait func()
	rows bool
}

func (b *heldBatch) Set(key, value []byte) error {
	b.rows = b.rows || key[0] != 0 // below are the task's own
	return b.Batch.Set(key, value)
}

func (b *heldBatch) Commit() error {
	if b.rows {
		b.wait()
	}
	return b.Batch.Commit()
}

// TestSnapshotShowsRestores: how much is left, while it lasts, and that the task does not run yet.
func TestSnapshotShowsRestores(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())

	config := r.config(t.TempDir())
	began, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	config.OpenEngine = func(string) (state.Engine, error) {
		return held{store.OpenMemory(), func() { once.Do(func() { close(began) }); <-goOn }}, nil
	}
	a, stop := r.start(countWords, config)
	<-began
	s := r.snapshotOf(a, func(s streams.Snapshot) bool { return len(s.Restores) > 0 && len(s.Tasks) == 4 })
	require.Equal(t, streams.Restoring, s.State)
	for _, restore := range s.Restores {
		require.Positive(t, restore.Remaining())
		require.Equal(t, "app-"+restore.Store+"-changelog", restore.Changelog)
	}
	require.False(t, s.Tasks[0].Running && s.Tasks[1].Running && s.Tasks[2].Running && s.Tasks[3].Running)
	close(goOn)
	s = r.snapshotOf(a, func(s streams.Snapshot) bool { return s.State == streams.Running })
	require.Empty(t, s.Restores)
	require.NoError(t, stop())
}

// TestSnapshotShowsBadRecords: what was dropped by which step, and the last error of the task.
func TestSnapshotShowsBadRecords(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	a, stop := r.start(func(b *streams.Builder) {
		numbers := streams.NewTopic("words", serde.String, serde.Int64)
		streams.From(b, numbers).To(streams.NewTopic("per-key", serde.String, serde.Int64))
	}, config)
	r.send(3)
	s := r.snapshotOf(a, func(s streams.Snapshot) bool { return len(s.Drops) == 1 && s.Drops[0].Records == 3 })
	require.Equal(t, streams.DropDeserialize, s.Drops[0].Reason)
	require.NotEmpty(t, s.Drops[0].Step)
	require.Zero(t, s.Late())
	r.snapshotOf(a, func(s streams.Snapshot) bool {
		for _, task := range s.Tasks {
			if task.Error != "" {
				require.Contains(t, task.Error, "words/")
				require.False(t, task.ErrorAt.IsZero())
				return true
			}
		}
		return false
	})
	s = a.Snapshot()
	require.Len(t, s.Failures, 3)
	for _, f := range s.Failures {
		require.Equal(t, "words", f.Topic)
		require.Equal(t, s.Drops[0].Step, f.Step)
		require.Equal(t, []string{"decoding", "skip"}, []string{f.Cause, f.Action})
		require.Contains(t, f.Site, "snapshot_app_test.go:")
		require.Contains(t, f.Error, "does not decode")
		require.NotEmpty(t, f.Record.Value)
	}
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NotContains(t, string(text), string(s.Failures[0].Record.Key), "contents of records are not in the JSON")
	require.NoError(t, stop())
}
