package task

import (
	"io"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

type bytesRecord = graph.Record[[]byte, []byte]

// newSet is a set with one task that merges topics a and b, counts by key, and writes to out; seen gets the values in
// their order.
func newSet(t testing.TB, config Config, seen *[]string) (*Set, *Task) {
	g := graph.NewGraph()
	source := func(name string) *graph.Node {
		return graph.AddSource(g, &graph.Topic{Name: name}, serde.Bytes, serde.Bytes, nil)
	}
	parents := []*graph.Node{source("a"), source("b")}
	peek := graph.AddStep(g, "peek", "here", parents, nil, func() graph.Step {
		return operator.Peek(func(r *graph.Flow) error {
			if seen != nil {
				*seen = append(*seen, string(graph.RecordOf[[]byte, []byte](r).Value))
			}
			return nil
		})
	})
	counts := state.NewKeyValue("counts", serde.Bytes, serde.Int64)
	add := operator.FoldOf(func(_ bytesRecord, n graph.Optional[int64]) (graph.Optional[int64], error) {
		return graph.Some(n.Value + 1), nil
	})
	count := graph.AddStep(g, "count", "here", []*graph.Node{peek}, []storage.Spec{storage.Of(counts)},
		func() graph.Step { return operator.Aggregate(storage.Of(counts), add) })
	stream := graph.AddStep(g, "tostream", "here", []*graph.Node{count}, nil, operator.ToStream)
	graph.AddSink(g, &graph.Topic{Name: "out"}, "here", stream, serde.Bytes, serde.Int64)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)

	config.Partitions = map[string]int32{"a": 1, "b": 1}
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	config.Drops = &Drops{}
	if config.Budget == nil {
		config.Budget = storage.NewBudget(1 << 30)
	}
	s := NewSet(topo, config, 0)
	task, err := s.Open(graph.TaskID{}, store.OpenMemory())
	require.NoError(t, err)
	return s, task
}

func start(t testing.TB, s *Set, task *Task, endA, endB int64) (a, b *Input) {
	require.NoError(t, s.Start(task, map[string]Committed{"a": {End: endA}, "b": {End: endB}}))
	return s.Input("a", 0), s.Input("b", 0)
}

func raws(offset int64, values ...string) (out []graph.Raw) {
	for i, v := range values {
		at := offset + int64(i)
		out = append(out, graph.Raw{Key: []byte("k"), Value: []byte(v), Offset: at, Timestamp: at * 10})
	}
	return out
}

func step(t testing.TB, s *Set, now int64) int {
	n, err := s.Step(now, 1000)
	require.NoError(t, err)
	return n
}

// TestWaitsForAPartitionThatHasMore: an empty partition holds up the others until it is known to be caught up.
func TestWaitsForAPartitionThatHasMore(t *testing.T) {
	var seen []string
	s, task := newSet(t, Config{}, &seen)
	a, b := start(t, s, task, -1, 2)
	s.Add(a, raws(0, "a0", "a1"), -1)
	require.Zero(t, step(t, s, 0), "b has two records that have not come")
	s.Add(b, raws(0, "b0"), 2)
	require.Equal(t, 2, step(t, s, 0))
	require.Equal(t, []string{"a0", "b0"}, seen)
	s.Add(b, []graph.Raw{{Offset: 1, Control: true}}, 2)
	require.Equal(t, 1, step(t, s, 0), "the marker was the last of b: it is caught up")
	require.Equal(t, []string{"a0", "b0", "a1"}, seen)
}

// TestUnknownEndWaits: until something is known of a partition, a task takes nothing.
func TestUnknownEndWaits(t *testing.T) {
	s, task := newSet(t, Config{}, nil)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, raws(0, "a0"), 1)
	require.Zero(t, step(t, s, 1_000_000))
}

// TestMaxIdle waits longer for a partition that is caught up but empty, by the wall clock.
func TestMaxIdle(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: 100}, nil)
	a, _ := start(t, s, task, 1, 0)
	s.Add(a, raws(0, "a0"), 1)
	require.Zero(t, step(t, s, 99))
	require.Equal(t, 1, step(t, s, 100))
}

// TestMarkersMoveTheOffset: what is committed lies behind them, and their commit is no endless story.
func TestMarkersMoveTheOffset(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1}, nil)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, append(raws(0, "a0"), graph.Raw{Offset: 1, Control: true}), -1)
	step(t, s, 0)
	require.True(t, s.Pending())
	offsets, err := s.Prepare(func(graph.Output) {})
	require.NoError(t, err)
	require.Len(t, offsets, 1)
	require.Equal(t, int64(2), offsets[0].Offset)
	require.NoError(t, s.Committed(0))
	require.False(t, s.Pending())
}

// TestRecordsAreTakenOnce: what is fetched again after a rewind is left out.
func TestRecordsAreTakenOnce(t *testing.T) {
	var seen []string
	s, task := newSet(t, Config{MaxIdle: -1}, &seen)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, raws(0, "0", "1"), -1)
	s.Add(a, raws(1, "1", "2"), -1)
	step(t, s, 0)
	require.Equal(t, []string{"0", "1", "2"}, seen)
}

// TestEndOfTime: a record at the highest timestamp there is holds up nothing.
func TestEndOfTime(t *testing.T) {
	var seen []string
	s, task := newSet(t, Config{MaxIdle: -1}, &seen)
	a, _ := start(t, s, task, -1, -1)
	records := raws(0, "0", "1", "2")
	records[1].Timestamp = math.MaxInt64
	s.Add(a, records, -1)
	step(t, s, 0)
	require.Equal(t, []string{"0", "1", "2"}, seen)
}

func TestFlowPausesAndResumes(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1, Buffer: 4}, nil)
	a, _ := start(t, s, task, -1, -1)
	var calls []string
	flow := func() {
		s.Flow(func(topic string, _ int32) { calls = append(calls, "pause "+topic) },
			func(topic string, _ int32) { calls = append(calls, "resume "+topic) })
	}
	s.Add(a, raws(0, "0", "1", "2", "3", "4"), -1)
	flow()
	_, err := s.Step(0, 2)
	require.NoError(t, err)
	flow()
	_, err = s.Step(0, 1)
	require.NoError(t, err)
	flow()
	require.Equal(t, []string{"pause a", "resume a"}, calls)
}

// TestMemoryBringsTheCommitForward, long before its interval.
func TestMemoryBringsTheCommitForward(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1, CommitInterval: math.MaxInt64, Budget: storage.NewBudget(0)}, nil)
	a, _ := start(t, s, task, -1, -1)
	require.False(t, s.CommitDue(0))
	s.Add(a, raws(0, "0"), -1)
	step(t, s, 0)
	require.True(t, s.CommitDue(0))
}

// TestAbortForgets: after an abort and a new start the same records give the same outputs.
func TestAbortForgets(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1}, nil)
	for range 3 {
		a, _ := start(t, s, task, -1, -1)
		s.Add(a, raws(0, "0", "1"), -1)
		step(t, s, 0)
		out := s.Outputs()
		require.Len(t, out, 2)
		n, err := serde.Int64.Decode(out[1].Value)
		require.NoError(t, err)
		require.Equal(t, int64(2), n)
		_, err = s.Prepare(func(graph.Output) {})
		require.NoError(t, err)
		require.NoError(t, s.Abort())
	}
}

// TestChangelogOffset: the database remembers the offset behind the last record of each commit.
func TestChangelogOffset(t *testing.T) {
	s, task := newSet(t, Config{MaxIdle: -1}, nil)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, raws(0, "0"), -1)
	step(t, s, 0)
	_, err := s.Prepare(func(o graph.Output) {
		if o.Topic != "app-counts-changelog" {
			return
		}
		o.Ack(41)
	})
	require.NoError(t, err)
	require.NoError(t, s.Committed(0))
	require.Equal(t, int64(42), task.Changelogs()[0].From())
}

// brokenEngine outlives its task. It fails to read, as a database does from its first failed write on, once it has err.
type brokenEngine struct {
	store.Engine
	err error
}

func (e *brokenEngine) Get(dst, key []byte) ([]byte, bool, error) {
	if e.err != nil {
		return dst, false, e.err
	}
	return e.Engine.Get(dst, key)
}

func (e *brokenEngine) Close() error { return nil }

// TestADatabaseThatFailsIsNoBadRecord: whatever the policy for records, none is left out for it.
func TestADatabaseThatFailsIsNoBadRecord(t *testing.T) {
	for _, failure := range []error{store.ErrCorrupt, store.ErrDisk} {
		s, task := newSet(t, Config{MaxIdle: -1, OnError: Skip}, nil)
		engine := &brokenEngine{Engine: store.OpenMemory()}
		reopen := func() {
			require.NoError(t, s.Remove(task.ID))
			reopened, err := s.Open(task.ID, engine)
			require.NoError(t, err)
			a, _ := start(t, s, reopened, -1, -1)
			s.Add(a, raws(0, "0"), -1)
		}
		reopen()
		require.Equal(t, 1, step(t, s, 0))
		_, err := s.Prepare(func(graph.Output) {})
		require.NoError(t, err)
		require.NoError(t, s.Committed(0))
		reopen() // with a row that is not in memory
		engine.err = failure
		_, err = s.Step(0, 1000)
		require.ErrorIs(t, err, failure)
		require.Empty(t, s.config.Drops.Counts())
	}
}

func BenchmarkStep(b *testing.B) {
	s, task := newSet(b, Config{MaxIdle: -1}, nil)
	a, _ := start(b, s, task, -1, -1)
	batch := make([]graph.Raw, 1000)
	value := make([]byte, 100)
	b.ReportAllocs()
	for offset := int64(0); b.Loop(); offset++ {
		at := int(offset % 1000)
		batch[at] = graph.Raw{Key: value[:8], Value: value, Offset: offset, Timestamp: offset}
		if at == 999 {
			s.Add(a, batch, -1)
			step(b, s, 0)
			s.Outputs()
		}
	}
}

// TestClosedTaskGivesItsMemoryBack: a process whose tasks come and go would else count rows that are long gone.
func TestClosedTaskGivesItsMemoryBack(t *testing.T) {
	budget := storage.NewBudget(1 << 30)
	s, task := newSet(t, Config{MaxIdle: -1, Budget: budget}, nil)
	a, _ := start(t, s, task, -1, -1)
	s.Add(a, raws(0, "0", "1"), -1)
	step(t, s, 0)
	_, err := s.Prepare(func(graph.Output) {})
	require.NoError(t, err)
	require.NoError(t, s.Committed(0))
	require.NotZero(t, budget.Used())
	require.NoError(t, s.Remove(task.ID))
	require.Zero(t, budget.Used())
}
