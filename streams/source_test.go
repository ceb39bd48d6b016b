package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func ExampleFromAll() {
	b := streams.NewBuilder("example")
	streams.FromAll(b, in, other).Peek(func(r record) { fmt.Println(r.Key, r.Value) })
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, _ := testkit.NewDriver(topo)
	defer d.Close()
	testkit.Input(d, in).Pipe("ann", "hello", time.UnixMilli(1))
	testkit.Input(d, other).Pipe("bob", "hi", time.UnixMilli(2))
	// Output:
	// ann hello
	// bob hi
}

func ExampleTopic_FromPast() {
	b := streams.NewBuilder("example")
	streams.From(b, in.FromPast(24*time.Hour)).To(out)
	topo, _ := b.Build()
	reset, past := topo.ResetOf("in")
	fmt.Println(reset, past)
	// Output: past 24h0m0s
}

// TestFromAllReadsEachTopicOnce: a topic that is named twice, or read elsewhere too, has one source.
func TestFromAllReadsEachTopicOnce(t *testing.T) {
	b := streams.NewBuilder("app")
	tally := state.NewKeyValue("tally", serde.String, serde.Int64)
	streams.FromAll(b, in, other, in).GroupByKey().Count(tally)
	streams.From(b, other).To(out)
	topo := build(t, b)
	require.Len(t, topo.Subs, 1)
	require.Equal(t, []string{"in", "other"}, topo.SourceTopics())
	d := testkit.New(t, topo, testkit.PartitionsOf("in", 3), testkit.PartitionsOf("other", 3))
	for _, key := range []string{"ann", "bob", "eve"} {
		testkit.Input(d, in).Pipe(key, "1", time.UnixMilli(1))
		testkit.Input(d, other).Pipe(key, "2", time.UnixMilli(2))
		n, _ := testkit.Get(d, tally, key)
		require.Equal(t, int64(2), n)
	}
	require.Len(t, testkit.Output(d, out).Read(), 3)
}

func TestFromAllNeedsATopic(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.FromAll[string, string](b)
	line := lineAbove()
	require.Contains(t, mistakes(t, b), line+": FromAll reads no topic")
}
