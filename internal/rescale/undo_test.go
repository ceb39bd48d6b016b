package rescale_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

// TestUndone: what is broken off is undone, which is broken off as well, and the application goes on as if nothing had
// been; then the change is made after all.
func TestUndone(t *testing.T) {
	b := broker.New(t)
	breaks := []string{"grown grows-events", "emptied grows-app-minutes-changelog"}
	compareWithTwelve(t, b, func(t *testing.T, topo *topology.Topology, partitions int32) {
		at := breaks[0]
		breaks = breaks[1:]
		r := request(b, topo, partitions)
		r.At = func(_ context.Context, step string) error {
			if step == at {
				return errBrokenOff
			}
			return nil
		}
		_, err := rescale.Run(t.Context(), r)
		require.ErrorIs(t, err, errBrokenOff)
		undo := request(b, topo, 0)
		undo.Undo = true
		if partitions == 6 { // it has been grown
			_, err = rescale.Run(t.Context(), undo)
			var no *rescale.DeclinedError
			require.ErrorAs(t, err, &no)
			require.ErrorContains(t, err, "Kafka cannot take away")
		} else {
			other := request(b, topo, 24)
			_, err = rescale.Run(t.Context(), other)
			require.ErrorContains(t, err, "to 12 partitions is under way")
			for _, step := range []string{"filled grows-app-minutes-changelog", "undone offsets"} {
				undo.At = func(_ context.Context, s string) error {
					if s == step {
						return errBrokenOff
					}
					return nil
				}
				_, err = rescale.Run(t.Context(), undo)
				require.ErrorIs(t, err, errBrokenOff)
			}
			_, err = rescale.Run(t.Context(), request(b, topo, partitions))
			require.ErrorContains(t, err, "go on with --undo")
			undo.At = nil
			plan, err := rescale.Run(t.Context(), undo)
			require.NoError(t, err)
			require.Equal(t, rescale.Undone, plan.Phase)
			run(t, b, topo, t.TempDir())
		}
		plan, err := rescale.Run(t.Context(), request(b, topo, partitions))
		require.NoError(t, err)
		require.Equal(t, rescale.Done, plan.Phase)
	})
}
