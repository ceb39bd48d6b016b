//go:build synctests

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/cluster"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var (
	words     = streams.NewTopic("words", serde.String, serde.Int64)
	moreWords = streams.NewTopic("more-words", serde.String, serde.Int64)
	rows      = streams.NewTopic("rows", serde.String, serde.Int64)
	passed    = streams.NewTopic("passed", serde.String, serde.Int64)
	totals    = streams.NewTopic("totals", serde.String, serde.Int64)
	sums      = state.NewKeyValue("sums", serde.String, serde.Int64)
	byRest    = streams.NewRepartition("by-rest", serde.String, serde.Int64)
	perMinute = state.NewWindow("per-minute", serde.String, serde.Int64)
	perRest   = state.NewWindow("per-rest", serde.String, serde.Int64)
	lefts     = state.NewKeyValue("lefts", serde.String, serde.Int64)
	rights    = state.NewKeyValue("rights", serde.String, serde.Int64)
	meeting   = state.NewJoin("meeting", serde.String, serde.Int64, serde.Int64)
	inFlight  = state.NewInFlight("in-flight", serde.String, serde.Int64)
	rests     = state.NewKeyValue("rests", serde.String, serde.Int64)
)

// start is when the time of a bubble begins, 1 January 2000.
const start = 946_684_800_000

func numbers(n int) (out []streams.Record[string, int64]) {
	for i := range n {
		out = append(out, streams.Record[string, int64]{
			Key: fmt.Sprintf("key-%d", i%13), Value: int64(i), Timestamp: start + int64(i)*100,
		})
	}
	return out
}

func add(_ string, n, sum int64) int64 { return sum + n }

// largest does not mind that records come again.
func largest(_ string, n, so int64) int64 { return max(n, so) }

func zero() int64 { return 0 }

func rest(n int64) string { return fmt.Sprint(n % 7) }

// TestPassingOn: no state at all. The upgrade reads one more topic, and has one more step.
func TestPassingOn(t *testing.T) {
	third := func(n int64) bool { return n%3 > 0 }
	more := numbers(100)
	for i := range more {
		more[i].Key = "more-" + more[i].Key
	}
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("passing")
			streams.From(b, words).Filter(third).To(passed)
			return b.Build()
		},
		Upgrade: func() (*topology.Topology, error) {
			b := streams.NewBuilder("passing")
			in := streams.From(b, words).Merge(streams.From(b, moreWords))
			in.Filter(third).Filter(func(n int64) bool { return n >= 0 }).To(passed)
			return b.Build()
		},
		Inputs:  []cluster.Input{cluster.In(words, 4, numbers(500)...), cluster.In(moreWords, 4, more...)},
		Outputs: []cluster.Output{cluster.Out(passed, 4, cluster.Same)},
	})
}

// TestSums: a store in the partitions of the input, and one behind a repartition topic. The upgrade has one more step.
func TestSums(t *testing.T) {
	build := func(upgraded bool) func() (*topology.Topology, error) {
		return func() (*topology.Topology, error) {
			b := streams.NewBuilder("summing")
			in := streams.From(b, words)
			if upgraded {
				in = in.Filter(func(n int64) bool { return n >= 0 })
			}
			streams.Aggregate(in.GroupByKey(), sums, zero, add).ToStream().To(passed)
			streams.Aggregate(streams.GroupBy(in, rest, byRest), rests, zero, add).ToStream().To(totals)
			return b.Build()
		}
	}
	cluster.Run(t, cluster.Job{
		Topology: build(false),
		Upgrade:  build(true),
		Inputs:   []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{
			cluster.Out(passed, 4, cluster.Same), cluster.Out(totals, 3, cluster.Latest),
		},
	})
}

// TestMinutes: windows that are final, each record of a partition in its order; and windows behind a repartition topic.
func TestMinutes(t *testing.T) {
	job := minutes(add)
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.Same), cluster.Out(totals, 3, cluster.Latest)}
	cluster.Run(t, job)
}

// TestMinutesAgain: the same at least once, with the largest number of each window.
func TestMinutesAgain(t *testing.T) {
	job := minutes(largest)
	job.Config.Guarantee, job.Config.CommitInterval = streams.AtLeastOnce, time.Second
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.Repeated), cluster.Out(totals, 3, cluster.Latest)}
	cluster.Run(t, job)
}

func minutes(fold func(string, int64, int64) int64) cluster.Job {
	return cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("minutes")
			in := streams.From(b, words)
			short := in.GroupByKey().WindowedBy(window.Tumbling(5 * time.Second).Grace(time.Second))
			streams.ResultsBy(streams.WindowedAggregate(short, perMinute, zero, fold).Final(), at[string]).To(passed)
			long := streams.GroupBy(in, rest, byRest).WindowedBy(window.Tumbling(10 * time.Second).Grace(time.Hour))
			streams.ResultsBy(streams.WindowedAggregate(long, perRest, zero, fold).Updates(), at[string]).To(totals)
			return b.Build()
		},
		Config: streams.Config{WindowRetention: 720 * time.Hour}, // longer than all instances are away
		Inputs: []cluster.Input{cluster.In(words, 4, late(numbers(500))...)},
	}
}

// at is a windowed key as text.
func at[K any](k window.Windowed[K]) string { return fmt.Sprint(k.Key, "@", k.Window.Start) }

// late has some records come too late for their window.
func late(records []streams.Record[string, int64]) []streams.Record[string, int64] {
	for i := range records {
		if i%50 == 49 {
			records[i].Timestamp -= 12_000
		}
	}
	return records
}

// TestJoins: records that meet within a span of time, whichever side comes first, and two tables, in which rows are
// deleted.
func TestJoins(t *testing.T) {
	job := joins()
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.Any), cluster.Out(totals, 4, cluster.Latest)}
	cluster.Run(t, job)
}

// TestJoinsAgain: the same at least once.
func TestJoinsAgain(t *testing.T) {
	job := joins()
	job.Config.Guarantee, job.Config.CommitInterval = streams.AtLeastOnce, time.Second
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.AnyRepeated), cluster.Out(totals, 4, cluster.Latest)}
	cluster.Run(t, job)
}

func joins() cluster.Job {
	deleting := numbers(250)
	for i := range deleting {
		deleting[i].NullValue = i%5 == 4
	}
	left := numbers(250)
	for i := range left {
		switch i % 5 { // some keys are deleted, and never heard of again
		case 3:
			left[i].Key = fmt.Sprintf("once-%d", i)
		case 4:
			left[i].Key, left[i].NullValue = fmt.Sprintf("once-%d", i-51), true
		}
	}
	return cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("joins")
			left, right := streams.From(b, words), streams.From(b, moreWords)
			near := window.Within(2 * time.Second).Grace(time.Hour)
			sum := func(a, b int64) int64 { return a*10_000 + b }
			streams.JoinStreams(left, right, near, meeting, sum).To(passed)
			streams.TableJoin(left.ToTable(lefts), streams.TableFrom(b, rows, rights), sum).ToStream().To(totals)
			return b.Build()
		},
		Config: streams.Config{WindowRetention: 720 * time.Hour}, // longer than all instances are away
		Inputs: []cluster.Input{
			cluster.In(words, 4, left...), cluster.In(moreWords, 4, numbers(250)...), cluster.In(rows, 4, deleting...),
		},
	}
}

// TestGlobal: records that meet rows of a global table.
func TestGlobal(t *testing.T) {
	job := global()
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.Same)}
	cluster.Run(t, job)
}

// TestGlobalAgain: the same at least once.
func TestGlobalAgain(t *testing.T) {
	job := global()
	job.Config.Guarantee, job.Config.CommitInterval = streams.AtLeastOnce, time.Second
	job.Outputs = []cluster.Output{cluster.Out(passed, 4, cluster.Repeated)}
	cluster.Run(t, job)
}

func global() cluster.Job {
	return cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("global")
			names := streams.GlobalTableFrom(b, rows, rights)
			key := func(n int64) string { return fmt.Sprintf("key-%d", n%13) }
			streams.JoinGlobal(streams.From(b, words), names, key, func(n, row int64) int64 {
				return n*10_000 + row
			}).To(passed)
			return b.Build()
		},
		Inputs: []cluster.Input{
			cluster.In(rows, 3, numbers(40)...).First(), cluster.In(words, 4, numbers(500)...),
		},
	}
}

// TestSlowCalls: answers come in no order, some after several attempts, and leave in that of the records, once. Windows
// behind them see the records in their order, too.
func TestSlowCalls(t *testing.T) {
	ask := func(ctx context.Context, n int64) (int64, error) {
		if _, limited := ctx.Deadline(); !limited {
			return n * 2, nil // in the model, which has no time for it
		}
		select {
		case <-time.After(time.Duration(n*7919%1000) * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if n%11 == 0 && rand.IntN(2) == 0 {
			return 0, errors.New("busy")
		}
		return n * 2, nil
	}
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("asking")
			calls := streams.Calls{Concurrency: 20, InFlight: 15, Attempts: 100, MaxBackoff: time.Second}
			doubled := streams.MapAsync(streams.From(b, words), ask, calls, inFlight)
			doubled.To(passed)
			short := doubled.GroupByKey().WindowedBy(window.Tumbling(5 * time.Second).Grace(time.Second))
			streams.ResultsBy(streams.WindowedAggregate(short, perMinute, zero, add).Final(), at[string]).To(totals)
			return b.Build()
		},
		Config: streams.Config{WindowRetention: 720 * time.Hour}, // longer than all instances are away
		Inputs: []cluster.Input{cluster.In(words, 4, late(numbers(500))...)},
		Outputs: []cluster.Output{
			cluster.Out(passed, 4, cluster.Same), cluster.Out(totals, 4, cluster.Same),
		},
		// A changelog that is cut and goes on is not found, see docs/failures.md, and its rows do not come again.
		Faults: slices.DeleteFunc(cluster.Kinds(), func(kind string) bool { return kind == "changelog-truncated" }),
	})
}

// TestSumsAgain: the largest number of each key, in the partitions of the input and behind a repartition topic, at
// least once.
func TestSumsAgain(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("largest")
			in := streams.From(b, words)
			streams.Aggregate(in.GroupByKey(), sums, zero, largest).ToStream().To(passed)
			streams.Aggregate(streams.GroupBy(in, rest, byRest), rests, zero, largest).ToStream().To(totals)
			return b.Build()
		},
		Config: streams.Config{Guarantee: streams.AtLeastOnce, CommitInterval: time.Second},
		Inputs: []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{
			cluster.Out(passed, 4, cluster.Latest), cluster.Out(totals, 3, cluster.Latest),
		},
	})
}

// TestPassingOnAgain: without state, at least once.
func TestPassingOnAgain(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("again")
			streams.From(b, words).Filter(func(n int64) bool { return n%3 > 0 }).To(passed)
			return b.Build()
		},
		Config:  streams.Config{Guarantee: streams.AtLeastOnce, CommitInterval: time.Second},
		Inputs:  []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{cluster.Out(passed, 4, cluster.Repeated)},
	})
}
