package window_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/window"
)

func TestJoinWindowsOnOneSideOfARecord(t *testing.T) {
	later := window.Between(-ms(2), ms(5)) // right records that come 2 to 5 after the left one
	from, to := later.Right(10)
	require.Equal(t, []int64{12, 15}, []int64{from, to})
	from, to = later.Left(10)
	require.Equal(t, []int64{5, 8}, []int64{from, to})

	earlier := window.Between(ms(5), -ms(2))
	from, to = earlier.Right(10)
	require.Equal(t, []int64{5, 8}, []int64{from, to})
	from, to = earlier.Left(10)
	require.Equal(t, []int64{12, 15}, []int64{from, to})

	_, to = later.Left(1)
	require.Negative(t, to, "no left record is so early")
	_, to = later.Right(math.MaxInt64 - 1)
	require.Equal(t, int64(math.MaxInt64), to)
}
