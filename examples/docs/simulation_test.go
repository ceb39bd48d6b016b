//go:build synctests

package docs

import (
	"fmt"
	"testing"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/cluster"
)

var (
	Deposits = streams.NewTopic("deposits", serde.String, serde.Int64)
	Balances = streams.NewTopic("balances", serde.String, serde.Int64)
	ByOwner  = state.NewKeyValue("by-owner", serde.String, serde.Int64)
)

// balances is the topology of the page on the simulation.
func balances() (*streams.Topology, error) {
	b := streams.NewBuilder("balances")
	byOwner := streams.From(b, Deposits).GroupByKey()
	streams.Aggregate(byOwner, ByOwner, func() int64 { return 0 }, func(_ string, paid, sum int64) int64 {
		return sum + paid
	}).ToStream().To(Balances)
	return b.Build()
}

func deposits(n int) (out []streams.Record[string, int64]) {
	for i := range n {
		out = append(out, streams.Record[string, int64]{
			Key: fmt.Sprint("owner-", i%10), Value: int64(i), Timestamp: 1_700_000_000_000 + int64(i),
		})
	}
	return out
}

func TestBalancesSurvive(t *testing.T) {
	cluster.Run(t, cluster.Job{
		Topology: balances,
		Inputs:   []cluster.Input{cluster.In(Deposits, 4, deposits(500)...)},
		Outputs:  []cluster.Output{cluster.Out(Balances, 4, cluster.Same)},
	})
}
