package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/topology"
)

func TestTimestampsBehindTheYear2262AreRight(t *testing.T) {
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
	for _, at := range []int64{0, 1, -1, -1000, 1_700_000_000_123, 9_223_372_036_854, 9_223_372_036_855, far, 1<<57 - 1} {
		asTheClientReads := kgo.Record{Timestamp: time.Unix(0, at*1e6)}
		require.Equal(t, at, timestamp(&asTheClientReads))
		right := kgo.Record{Timestamp: time.UnixMilli(at)}
		require.Equal(t, at, timestamp(&right))
	}
}

// What is later than the client can write is written as the latest time that it can.
func TestTimestampsAreNeverWrittenAsNegative(t *testing.T) {
	for _, at := range []int64{eventtime.Longest + 1, 1<<63 - 1} {
		var r kgo.Record
		NewRecord(&r, &topology.Output{Topic: "out", Partition: topology.ByKey, Timestamp: at})
		require.Equal(t, eventtime.Longest, r.Timestamp.UnixNano()/1e6)
	}
}
