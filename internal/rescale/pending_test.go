package rescale_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/window"
)

// TestWaitingRecordsStayInTime: records of a repartition topic wait in two partitions that become one. None of them is
// late there that was not in its own.
func TestWaitingRecordsStayInTime(t *testing.T) {
	b, str := broker.New(t), serde.String
	in, out := streams.NewTopic("in", str, str), streams.NewTopic("out", str, serde.Int64)
	builder := streams.NewBuilder("waits")
	streams.GroupBy(streams.From(builder, in), func(v string) string { return v },
		streams.NewRepartition("by-value", str, str)).WindowedBy(window.Tumbling(time.Minute)).
		Count(state.NewWindow("minutes", str, serde.Int64)).Updates().ByKey().To(out)
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopics(t.Context(), 4, in))
	require.NoError(t, b.CreateTopics(t.Context(), 1, out))
	first := streams.NewRecord("", "first", began.UnixMilli())
	require.NoError(t, broker.Produce(t.Context(), b, in, first))
	run(t, b, topo, t.TempDir())

	// Of each partition one key has a record in each minute: keys by partition and time.
	keys := map[int32]string{}
	for i := range 100 {
		key := fmt.Sprint("key ", i)
		keys[cluster.PartitionOf([]byte(key), 4)] = key
	}
	waiting := streams.NewTopic(topo.Lock().Repartitions[0].Name, str, str)
	const minutes = 6
	for _, p := range []int32{0, 1, 2, 3} {
		for minute := range minutes {
			at := began.Add(time.Duration(minute) * time.Minute)
			require.NoError(t, broker.Produce(t.Context(), b, waiting, streams.NewRecord(keys[p], keys[p], at.UnixMilli())))
		}
	}
	r := request(b, topo, 6)
	r.Mappings = nil
	plan, err := rescale.Run(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, rescale.Done, plan.Phase)
	run(t, b, topo, t.TempDir())
	records, err := broker.Read(t.Context(), b, out)
	require.NoError(t, err)
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprint(r.Key, " ", r.Timestamp))
	}
	slices.Sort(got)
	require.Len(t, slices.Compact(got), 1+4*minutes, "each minute of each key")
}
