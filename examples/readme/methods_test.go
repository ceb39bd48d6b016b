//go:build go1.27

package readme

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func inOrder() (*streams.Topology, error) {
	b := streams.NewBuilder("order-totals")
	streams.From(b, Orders).
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute).Grace(10*time.Second)).
		Aggregate(Sums, func() int64 { return 0 }, func(_ string, o Order, sum int64) int64 { return sum + o.Cents }).
		Final().
		ByKey().
		To(Totals)
	return b.Build()
}

// TestMethodsAndFunctions build the same topology.
func TestMethodsAndFunctions(t *testing.T) {
	methods, err := inOrder()
	require.NoError(t, err)
	functions, err := build()
	require.NoError(t, err)
	require.Equal(t, functions.Describe(), methods.Describe())
	requireTotals(t, methods)
}
