package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// TestOneRecordOfTheFutureClosesNoWindow: those that follow are not late for it.
func TestOneRecordOfTheFutureClosesNoWindow(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, (*windowTable).Final, testkit.Skip(), testkit.MaxTimeJump(time.Minute))
	pipe(d, rec("k", "a", 1), rec("k", "future", 4_000_000_000_000), rec("k", "b", 2), rec("k", "c", 20))
	require.Equal(t, []record{rec("k@[0,10)", "a+b", 2)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropTimeJump: 1}, d.Dropped())
}
