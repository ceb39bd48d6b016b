package rescale_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// TestResultsComeOutOnceWherePartitionsBecomeOne: of two partitions that become one, one is minutes behind. Its windows
// come out at the start, and those of the other do not come out again.
func TestResultsComeOutOnceWherePartitionsBecomeOne(t *testing.T) {
	b := broker.New(t)
	in := streams.NewTopic("in", serde.String, serde.String)
	minutes := streams.NewTopic("minutes", serde.String, serde.Int64)
	visits := streams.NewTopic("visits", serde.String, serde.Int64)
	builder := streams.NewBuilder("skewed")
	groups := streams.From(builder, in).GroupByKey()
	groups.WindowedBy(window.Tumbling(time.Minute)).Count(state.NewWindow("per-minute", serde.String, serde.Int64)).
		Final().ByKey().To(minutes)
	groups.SessionsBy(window.Sessions(30 * time.Second)).Count(state.NewSession("per-visit", serde.String, serde.Int64)).
		Final().ByKey().To(visits)
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopics(t.Context(), 4, in))
	require.NoError(t, b.CreateTopics(t.Context(), 1, minutes, visits))

	// Keys by the partitions that they have and get: 0 and 2 of 4 become 0, 2 and 4 of 6.
	keys := map[int32][]string{}
	for i := range 200 {
		key := fmt.Sprint("key ", i)
		p := cluster.PartitionOf([]byte(key), 4)
		keys[p] = append(keys[p], key)
	}
	var first, last []streams.Record[string, string]
	for i, key := range slices.Concat(keys[0][:12], keys[1][:12], keys[2][:12], keys[3][:12]) {
		at := began.UnixMilli() + int64(i)
		if cluster.PartitionOf([]byte(key), 4) >= 2 { // ahead: its first window and session are out
			first = append(first, streams.NewRecord(key, "first", at))
			at += 5 * time.Minute.Milliseconds()
		}
		last = append(last, streams.NewRecord(key, "last", at))
	}
	require.NoError(t, broker.Produce(t.Context(), b, in, append(first, last...)...))
	dir := t.TempDir()
	run(t, b, topo, dir)
	read := func(topic streams.Topic[string, int64]) (out []string) {
		all, err := broker.Read(t.Context(), b, topic)
		require.NoError(t, err)
		for _, r := range all {
			out = append(out, fmt.Sprint(r.Key, " ", time.UnixMilli(r.Timestamp).Sub(began).Truncate(time.Minute), " ", r.Value))
		}
		slices.Sort(out)
		return out
	}
	require.Len(t, read(minutes), 24, "of what is ahead")

	r := request(b, topo, 6)
	r.Mappings = nil
	plan, err := rescale.Run(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, plan.Notes, 2)
	require.Contains(t, strings.Join(plan.Notes, " "), "become one")
	runUntil(t, b, topo, dir, func(ctx context.Context) error {
		for ctx.Err() == nil && (len(read(minutes)) < 48 || len(read(visits)) < 48) {
			time.Sleep(20 * time.Millisecond)
		}
		return context.Cause(ctx)
	})
	for _, topic := range []streams.Topic[string, int64]{minutes, visits} {
		require.Len(t, read(topic), 48, "those that are behind have come out without a record, and those ahead not again")
	}
	var end []streams.Record[string, string]
	for i := range 100 {
		end = append(end, streams.NewRecord(fmt.Sprint("end ", i), "", began.Add(time.Hour).UnixMilli()))
	}
	again, err := broker.Connect(b.Addrs()...)
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, broker.Produce(t.Context(), again, in, end...))
	run(t, b, topo, t.TempDir())
	for _, topic := range []streams.Topic[string, int64]{minutes, visits} {
		got := read(topic)
		require.Len(t, got, 72)
		require.Len(t, slices.Compact(got), 72, "each once")
	}
}
