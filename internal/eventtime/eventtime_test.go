package eventtime_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/eventtime"
)

// FuzzAdd: a sum is the true one, or the end of int64 that is nearest to it.
func FuzzAdd(f *testing.F) {
	limits := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	for _, t := range limits {
		for _, span := range limits {
			f.Add(t, span)
		}
	}
	f.Fuzz(func(t *testing.T, at, span int64) {
		want := new(big.Int).Add(big.NewInt(at), big.NewInt(span))
		switch {
		case want.Cmp(big.NewInt(math.MaxInt64)) > 0:
			want.SetInt64(math.MaxInt64)
		case want.Cmp(big.NewInt(math.MinInt64)) < 0:
			want.SetInt64(math.MinInt64)
		}
		require.Equal(t, want.Int64(), eventtime.Add(at, span))
	})
}

func TestTheLongestSpanIsForEver(t *testing.T) {
	require.Equal(t, int64(1000), eventtime.Keep(time.Second))
	require.Equal(t, int64(math.MaxInt64), eventtime.Keep(math.MaxInt64))
	require.Equal(t, int64(math.MaxInt64), eventtime.Keep(eventtime.Duration(math.MaxInt64)))
	require.Equal(t, int64(math.MaxInt64), eventtime.Keep(eventtime.Duration(eventtime.Longest)))
	require.Equal(t, time.Second, eventtime.Duration(1000))
	require.Equal(t, eventtime.Longest-1, eventtime.Keep(eventtime.Duration(eventtime.Longest-1)))
}
