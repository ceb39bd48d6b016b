package task

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// newTasks is a set with a task for each of n partitions of topic a, which are copied to topic out.
func newTasks(t testing.TB, config Config, n int32, each func(r bytesRecord)) (*Set, []*Input) {
	g := graph.NewGraph()
	source := graph.AddSource(g, &graph.Topic{Name: "a"}, serde.Bytes, serde.Bytes, nil)
	show := func(r *graph.Flow) error { each(graph.RecordOf[[]byte, []byte](r)); return nil }
	peek := graph.AddStep(g, "peek", "here", []*graph.Node{source}, nil,
		func() graph.Step { return operator.Peek(show) })
	graph.AddSink(g, &graph.Topic{Name: "out"}, "here", peek, serde.Bytes, serde.Bytes)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	config.Partitions = map[string]int32{"a": n}
	config.Logger, config.Drops = slog.New(slog.NewTextHandler(io.Discard, nil)), &Drops{}
	config.Budget = storage.NewBudget(1 << 30)
	s := NewSet(topo, config, 0)
	var inputs []*Input
	for p := range n {
		task, err := s.Open(graph.TaskID{Partition: p}, store.OpenMemory())
		require.NoError(t, err)
		require.NoError(t, s.Start(task, map[string]Committed{"a": {End: -1}}))
		inputs = append(inputs, s.Input("a", p))
	}
	return s, inputs
}

// named are records with a value, the first one at an offset and a time.
func named(value string, offset, at int64, n int) (out []graph.Raw) {
	for i := range int64(n) {
		out = append(out, graph.Raw{Key: []byte("k"), Value: []byte(value), Offset: offset + i, Timestamp: at + i})
	}
	return out
}

// TestTasksTakeTurns: many old records of one task do not hold up the few new ones of another.
func TestTasksTakeTurns(t *testing.T) {
	seen := map[string]int{}
	s, in := newTasks(t, Config{Buffer: math.MaxInt}, 2, func(r bytesRecord) { seen[string(r.Value)]++ })
	s.Add(in[0], named("old", 0, 0, 30_000), -1)
	s.Add(in[1], named("new", 0, 1_000_000, 10), -1)
	_, err := s.Step(0, 2*turnRecords)
	require.NoError(t, err)
	require.Equal(t, 10, seen["new"])
	require.NotZero(t, seen["old"])
}

// TestOnlyStepsCallSerdes: they are the user's code, which may wait or fail. A record that could not be looked at
// stays.
func TestOnlyStepsCallSerdes(t *testing.T) {
	s, in := newTasks(t, Config{Buffer: math.MaxInt, Pace: &Pace{}}, 3, func(bytesRecord) {})
	calls := 0
	for p, i := range in {
		i.inlet = waiting{i.inlet, &calls}
		s.Add(i, named(fmt.Sprint(p), 0, int64(p), 2), -1)
		s.Bounded(i, 0, 2)
	}
	require.Zero(t, calls)
	for n := range 2 {
		_, err := s.Step(0, 100)
		require.ErrorIs(t, err, serde.ErrStopped)
		require.Equal(t, in[0].task, s.pace.Working.Load())
		require.Equal(t, n+1, calls)
	}
}

// waiting is an inlet whose serde waits until the application stops.
type waiting struct {
	graph.Inlet
	calls *int
}

func (w waiting) Decode(*graph.Raw, int64) (int64, error) {
	*w.calls++
	return 0, serde.ErrStopped
}

// TestEveryTaskHasItsTurn, however few records a step takes.
func TestEveryTaskHasItsTurn(t *testing.T) {
	seen := map[string]int{}
	s, in := newTasks(t, Config{Buffer: math.MaxInt}, 5, func(r bytesRecord) { seen[string(r.Value)]++ })
	for p := range in {
		s.Add(in[p], named(fmt.Sprint(p), 0, int64(p), 100), -1)
	}
	for range 10 {
		n, err := s.Step(0, 1)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	require.Equal(t, map[string]int{"0": 2, "1": 2, "2": 2, "3": 2, "4": 2}, seen)
}

// TestASlowTaskLetsOthersGoFirst: tasks share the time, not the number of turns.
func TestASlowTaskLetsOthersGoFirst(t *testing.T) {
	pace, seen := &Pace{}, map[string]int{}
	s, in := newTasks(t, Config{Buffer: math.MaxInt, Pace: pace}, 2, func(r bytesRecord) {
		if seen[string(r.Value)]++; string(r.Value) == "slow" {
			pace.Ticks.Add(10)
		}
	})
	s.Add(in[0], named("slow", 0, 0, 1000), -1)
	s.Add(in[1], named("fast", 0, 0, 30_000), -1)
	_, err := s.Step(0, 1+10*turnRecords+1)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"slow": 2, "fast": 10 * turnRecords}, seen)
}

// TestThePaceEndsAStep behind the record in work, and the next one goes on.
func TestThePaceEndsAStep(t *testing.T) {
	pace, seen := &Pace{}, 0
	s, in := newTasks(t, Config{Buffer: math.MaxInt, Pace: pace}, 1, func(bytesRecord) {
		if seen++; seen == 3 {
			pace.Stop.Store(true)
		}
	})
	s.Add(in[0], named("x", 0, 0, 10), -1)
	n, err := s.Step(0, 100)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = s.Step(0, 100)
	require.NoError(t, err)
	require.Equal(t, 1, n, "a step always gets on")
	pace.Stop.Store(false)
	n, err = s.Step(0, 100)
	require.NoError(t, err)
	require.Equal(t, 6, n)
}

// TestBytesEndAStep, be it that much is taken in or that much comes out.
func TestBytesEndAStep(t *testing.T) {
	big := string(make([]byte, 1<<20))
	s, in := newTasks(t, Config{Buffer: math.MaxInt, Pace: &Pace{Bytes: 3 << 20}}, 2, func(bytesRecord) {})
	s.Add(in[0], named(big, 0, 0, 10), -1)
	s.Add(in[1], named("small", 0, 0, 10), -1)
	n, err := s.Step(0, 100)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Greater(t, s.Unsent(), int64(3<<20))
	s.Outputs()
	require.Zero(t, s.Unsent())
}

// TestFlowMindsBytes as well as records.
func TestFlowMindsBytes(t *testing.T) {
	s, in := newTasks(t, Config{Buffer: 1000, BufferBytes: 2500}, 1, func(bytesRecord) {})
	var calls []string
	flow := func() {
		call := func(name string) func(string, int32) { return func(string, int32) { calls = append(calls, name) } }
		s.Flow(call("pause"), call("resume"))
	}
	s.Add(in[0], named(string(make([]byte, 1000)), 0, 0, 3), -1)
	flow()
	records, bytes := s.Buffered()
	require.Equal(t, 3, records)
	require.Greater(t, bytes, int64(3000))
	_, err := s.Step(0, 2)
	require.NoError(t, err)
	flow()
	require.Equal(t, []string{"pause", "resume"}, calls)
	require.NoError(t, s.Abort())
	records, bytes = s.Buffered()
	require.Zero(t, records)
	require.Zero(t, bytes)
	require.False(t, s.Pending())
	require.Nil(t, s.Input("a", 0), "an input belongs to a running task")
}

// TestAClockThatIsSet changes nothing in how long is waited: for a commit, a punctuation, an idle partition.
func TestAClockThatIsSet(t *testing.T) {
	const hour = int64(3_600_000)
	for _, by := range []int64{-hour, hour} {
		s, task := newSet(t, Config{MaxIdle: 100, CommitInterval: 100}, nil)
		s.now, s.lastCommit = 10*hour, 10*hour
		a, _ := start(t, s, task, 1, 0)
		var fired []int64
		wall := &graph.Punctuation{Node: &graph.Node{}, Every: 60, Clock: graph.WallClockTime}
		wall.Call = func(now int64) error { fired = append(fired, now); return nil }
		task.Schedule(wall)
		s.Add(a, raws(0, "a0"), 1)
		require.Zero(t, step(t, s, 10*hour))
		s.Adjust(by)
		at := 10*hour + by
		require.Zero(t, step(t, s, at+99))
		require.NoError(t, s.Punctuate(at+59))
		require.Empty(t, fired)
		require.Equal(t, 1, step(t, s, at+100))
		require.NoError(t, s.Punctuate(at+61))
		require.Equal(t, []int64{at + 61}, fired)
		require.Equal(t, at+120, s.NextPunctuation())
		require.False(t, s.CommitDue(at+99))
		require.True(t, s.CommitDue(at+100))
	}
}

// TestEndedPunctuationsAreForgotten: a timer for each key, ended when the key is done, leaves nothing behind.
func TestEndedPunctuationsAreForgotten(t *testing.T) {
	for _, clock := range []graph.PunctuationType{graph.StreamTime, graph.WallClockTime} {
		s, task := newSet(t, Config{MaxIdle: -1}, nil)
		start(t, s, task, -1, -1)
		fired := 0
		for range 10_000 {
			var cancel func()
			once := func(int64) error {
				fired++
				cancel()
				cancel() // once more does nothing
				return nil
			}
			cancel = task.Schedule(&graph.Punctuation{Node: &graph.Node{}, Every: 5, Clock: clock, Call: once})
			if s.now++; s.now%2 == 0 {
				cancel()
			}
			task.streamTime = s.now
			require.NoError(t, task.punctuateStreamTime())
			require.NoError(t, s.Punctuate(s.now))
			require.LessOrEqual(t, len(task.schedules.all), 32)
		}
		require.NotZero(t, fired)
		require.NoError(t, s.Punctuate(s.now+100))
		task.streamTime += 100
		require.NoError(t, task.punctuateStreamTime())
		require.Empty(t, task.schedules.all)
		require.Equal(t, 5000, fired)
	}
}

// TestThePaceEndsARoundOfPunctuations: the next round goes on behind it, also where one is always due again.
func TestThePaceEndsARoundOfPunctuations(t *testing.T) {
	pace, fired := &Pace{}, map[int32]int{}
	s, in := newTasks(t, Config{Pace: pace}, 3, func(bytesRecord) {})
	for p, i := range in {
		i.task.Schedule(&graph.Punctuation{Node: &graph.Node{}, Every: 1, Clock: graph.WallClockTime,
			Call: func(int64) error {
				fired[int32(p)]++
				pace.Stop.Store(true)
				return nil
			}})
	}
	in[1].task.Schedule(&graph.Punctuation{Node: &graph.Node{}, Every: 1, Clock: graph.WallClockTime,
		Call: func(int64) error { fired[9]++; pace.Stop.Store(true); return nil }})
	for now := range int64(12) {
		pace.Stop.Store(false)
		require.LessOrEqual(t, s.NextPunctuation(), now+1)
		require.NoError(t, s.Punctuate(now+1))
	}
	require.Equal(t, map[int32]int{0: 4, 1: 2, 9: 2, 2: 4}, fired)
}

// TestATimeTooFarAhead is an error of its record, and moves no time. A record that is not ahead of the wall clock is
// right, however long the silence before it was.
func TestATimeTooFarAhead(t *testing.T) {
	var seen []int64
	s, in := newTasks(t, Config{Buffer: math.MaxInt, MaxJump: 1000, OnError: Skip}, 1, func(r bytesRecord) {
		seen = append(seen, r.Timestamp)
	})
	for i, at := range []int64{10, 1010, 5000, 2011, math.MaxInt64, 2010, 1, 50_000} {
		s.Add(in[0], named("x", int64(i), at, 1), -1)
		now := int64(0)
		if at == 50_000 {
			now = 49_500
		}
		_, err := s.Step(now, 1)
		require.NoError(t, err)
	}
	require.Equal(t, []int64{10, 1010, 2010, 1, 50_000}, seen)
	require.Equal(t, map[graph.DropReason]int64{graph.DropTimeJump: 3}, s.config.Drops.Counts())
	require.True(t, s.Pending())
	offsets, err := s.Prepare(func(graph.Output) {})
	require.NoError(t, err)
	require.Equal(t, int64(8), offsets[0].Offset)
}

// TestATimeTooFarAheadFails where errors do.
func TestATimeTooFarAheadFails(t *testing.T) {
	s, in := newTasks(t, Config{Buffer: math.MaxInt, MaxJump: 1000}, 1, func(bytesRecord) {})
	s.Add(in[0], named("x", 0, 5000, 1), -1)
	_, err := s.Step(0, 1)
	require.ErrorIs(t, err, graph.ErrTimeJump)
}

// BenchmarkTasks is what a record costs, from its fetch to its output, among how many tasks. Each fetch has 20 records
// of one task, and each round has what a worker asks between two steps.
func BenchmarkTasks(b *testing.B) {
	const fetch, fetches = 20, 1000
	for _, n := range []int32{4, 500, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, in := newTasks(b, Config{Buffer: math.MaxInt, CommitInterval: math.MaxInt64 / 2}, n, func(bytesRecord) {})
			records := named("x", 0, 0, fetch)
			spent, done := time.Duration(0), 0
			for b.Loop() {
				for i := range int32(fetches) {
					p := i % n
					for j := range records {
						records[j].Offset = in[p].fetched + int64(j)
					}
					began := time.Now()
					s.Add(s.Input("a", p), records, -1)
					spent += time.Since(began)
				}
				began := time.Now()
				for {
					k, err := s.Step(0, 500)
					if done += k; k == 0 || err != nil {
						break
					}
					s.Outputs()
					s.Flow(nil, nil)
					if s.Buffered(); s.CommitDue(0) || s.NextPunctuation() <= 0 {
						b.Fatal("nothing is due")
					}
				}
				spent += time.Since(began)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(done), "ns/record")
		})
	}
}
