package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
)

// TestPartitioner: a partition that is given stays; windowed keys are partitioned by the key alone, as Java does.
func TestPartitioner(t *testing.T) {
	p := Partitioner().ForTopic("t")
	choose := func(o graph.Output) int {
		var r kgo.Record
		NewRecord(&r, &o)
		n := p.Partition(&r, 12)
		require.Equal(t, o.Key, r.Key, "the key is whole again")
		return n
	}
	for key, want := range map[string]int{"alice": 9, "bob": 6, "21": 0, "foobar": 6} {
		require.Equal(t, want, choose(graph.Output{Key: []byte(key), Partition: graph.ByKey}))
		windowed := append([]byte(key), 0, 0, 0, 0, 0, 0, 0xea, 0x60)
		require.Equal(t, want, choose(graph.Output{Key: windowed, Partition: graph.ByKey, HashSuffix: 8}))
		require.Equal(t, 3, choose(graph.Output{Key: []byte(key), Partition: 3}))
	}
}

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
		NewRecord(&r, &graph.Output{Topic: "out", Partition: graph.ByKey, Timestamp: at})
		require.Equal(t, eventtime.Longest, r.Timestamp.UnixNano()/1e6)
	}
}
