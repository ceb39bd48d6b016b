package windows_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/windows"
)

func TestJoinWindowsOnOneSideOfARecord(t *testing.T) {
	later := windows.Between(-ms(2), ms(5)) // right records that come 2 to 5 after the left one
	from, to := later.Right(10)
	require.Equal(t, []int64{12, 15}, []int64{from, to})
	from, to = later.Left(10)
	require.Equal(t, []int64{5, 8}, []int64{from, to})

	earlier := windows.Between(ms(5), -ms(2))
	from, to = earlier.Right(10)
	require.Equal(t, []int64{5, 8}, []int64{from, to})
	from, to = earlier.Left(10)
	require.Equal(t, []int64{12, 15}, []int64{from, to})

	_, to = later.Left(1)
	require.Negative(t, to, "no left record is so early")
	_, to = later.Right(math.MaxInt64 - 1)
	require.Equal(t, int64(math.MaxInt64), to)
}

// TestJoinWindowsThatCannotBe: sums of the settings would be beyond int64.
func TestJoinWindowsThatCannotBe(t *testing.T) {
	longest := time.Duration(math.MaxInt64)
	for _, w := range []windows.Join{
		windows.Within(longest), windows.Between(longest, 0), windows.Between(longest, time.Hour), windows.Between(0, longest),
		windows.Between(-longest, longest),
	} {
		require.EqualError(t, w.Err(), "join window: must be below 36 years")
	}
	require.ErrorContains(t, windows.Between(-2*time.Second, time.Second).Err(), "holds nothing")
	require.ErrorContains(t, windows.Between(math.MinInt64, 0).Err(), "join window")
	require.NoError(t, windows.Between(-time.Second, time.Second).Err())
}
