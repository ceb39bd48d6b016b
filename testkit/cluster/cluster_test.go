//go:build synctests

package cluster_test

import (
	"fmt"
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
	passed    = streams.NewTopic("passed", serde.String, serde.Int64)
	totals    = streams.NewTopic("totals", serde.String, serde.Int64)
	sums      = state.NewKeyValue("sums", serde.String, serde.Int64)
	byRest    = streams.NewRepartition("by-rest", serde.String, serde.Int64)
	perMinute = state.NewWindow("per-minute", serde.String, serde.Int64)
	rests     = state.NewKeyValue("rests", serde.String, serde.Int64)
)

func numbers(n int) (out []streams.Record[string, int64]) {
	for i := range n {
		out = append(out, streams.Record[string, int64]{
			Key: fmt.Sprintf("key-%d", i%13), Value: int64(i), Timestamp: 1_700_000_000_000 + int64(i)*100,
		})
	}
	return out
}

func add(_ string, n, sum int64) int64 { return sum + n }

func zero() int64 { return 0 }

// TestPassingOn: no state at all.
func TestPassingOn(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("passing")
			streams.From(b, words).Filter(func(n int64) bool { return n%3 > 0 }).To(passed)
			return b.Build()
		},
		Inputs:  []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{cluster.Out(passed, 4, cluster.Same)},
	})
}

// TestSums: a store in the partitions of the input, and one behind a repartition topic.
func TestSums(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("summing")
			in := streams.From(b, words)
			streams.Aggregate(in.GroupByKey(), sums, zero, add).ToStream().To(passed)
			rest := func(n int64) string { return fmt.Sprint(n % 7) }
			streams.Aggregate(streams.GroupBy(in, rest, byRest), rests, zero, add).ToStream().To(totals)
			return b.Build()
		},
		Inputs: []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{
			cluster.Out(passed, 4, cluster.Same), cluster.Out(totals, 3, cluster.Latest),
		},
	})
}

// TestMinutes: windows that are final, each record of a partition in its order.
func TestMinutes(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("minutes")
			minutes := streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(5 * time.Second).Grace(time.Second))
			final := streams.AggregateWindows(minutes, perMinute, zero, add).Final()
			streams.Results(final, func(k window.Windowed[string]) string {
				return fmt.Sprint(k.Key, "@", k.Window.Start)
			}).To(passed)
			return b.Build()
		},
		Inputs:  []cluster.Input{cluster.In(words, 4, numbers(500)...)},
		Outputs: []cluster.Output{cluster.Out(passed, 4, cluster.Same)},
	})
}

// TestAtLeastOnce: the largest number of each key does not mind that records come again.
func TestAtLeastOnce(t *testing.T) {
	largest := func(_ string, n, so int64) int64 { return max(n, so) }
	cluster.Run(t, cluster.Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("largest")
			in := streams.From(b, words)
			streams.Aggregate(in.GroupByKey(), sums, zero, largest).ToStream().To(passed)
			rest := func(n int64) string { return fmt.Sprint(n % 7) }
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
