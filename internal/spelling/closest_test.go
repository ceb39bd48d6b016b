package spelling

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClosest(t *testing.T) {
	names := []string{"accept", "commit.interval.ms", "linger.ms", "orders", "shop-totals-changelog"}
	for name, want := range map[string]string{
		"comit.interval.ms":   "commit.interval.ms",
		"commit.interval":     "commit.interval.ms",
		"Orders":              "orders",
		"acept":               "accept",
		"totals":              "shop-totals-changelog",
		"something.different": "",
		"":                    "",
	} {
		require.Equal(t, want, Closest(name, names), name)
	}
	require.Empty(t, Closest("orders", nil))
}
