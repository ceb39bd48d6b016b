//go:build go1.27

package docs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func inOrder() (*streams.Topology, error) {
	b := streams.NewBuilder("regions")
	customers := streams.TableFrom(b, Customers, CustomerRows)
	streams.From(b, Orders).
		Join(customers, func(_ Order, c Customer) string { return c.Region }).
		GroupBy(func(region string) string { return region }, ByRegion).
		WindowedBy(window.Tumbling(time.Hour).Grace(5 * time.Minute)).
		Count(PerHour).
		Final().
		ByKey().
		To(Counts)
	return b.Build()
}

// TestMethodsAndFunctions build the same topology.
func TestMethodsAndFunctions(t *testing.T) {
	methods, err := inOrder()
	require.NoError(t, err)
	functions, err := regions()
	require.NoError(t, err)
	require.Equal(t, functions.Describe(), methods.Describe())
}
