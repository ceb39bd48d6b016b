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
	fmt.Println(topo.Lock().Sources[0].Reset)
	// Output: past 24h0m0s
}

// TestFromAllReadsEachTopicOnce: a topic that is named twice, or read elsewhere too, has one source.
func TestFromAllReadsEachTopicOnce(t *testing.T) {
	b := streams.NewBuilder("app")
	tally := state.NewKeyValue("tally", serde.String, serde.Int64)
	streams.FromAll(b, in, other, in).GroupByKey().Count(tally)
	streams.From(b, other).To(out)
	topo := build(t, b)
	require.Len(t, compiled(t, b).Subs(), 1)
	require.Equal(t, []string{"in", "other"}, compiled(t, b).SourceTopics())
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

func ExampleFromPattern() {
	b := streams.NewBuilder("example")
	users := streams.NewTopicPattern("user-.+", serde.String, serde.String)
	streams.FromPattern(b, users).Peek(func(r record) { fmt.Println(r.Key, r.Value) })
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, _ := testkit.NewDriver(topo)
	defer d.Close()
	testkit.Input(d, users.Topic("user-ann")).Pipe("ann", "hello", time.UnixMilli(1))
	testkit.Input(d, users.Topic("user-bob")).Pipe("bob", "hi", time.UnixMilli(2)) // a topic that is new
	// Output:
	// ann hello
	// bob hi
}

func countPerUser(b *streams.Builder) {
	streams.FromPattern(b, perUser).GroupByKey().Count(tally).ToStream().To(counts)
}

// TestFromPatternFindsTopics that are new, without losing what was there or counting it twice.
func TestFromPatternFindsTopics(t *testing.T) {
	b := streams.NewBuilder("app")
	countPerUser(b)
	for _, every := range []int{0, 1, 3} {
		d := testkit.New(t, build(t, b), testkit.Partitions(2), testkit.CommitEvery(every))
		for i := range 12 {
			topic := perUser.Topic(fmt.Sprintf("user-%d", i/3))
			testkit.Input(d, topic).Pipe("k", "v", time.UnixMilli(int64(i)))
			if i == 7 {
				d.Crash(testkit.DuringCommit)
			}
		}
		d.Commit()
		n, ok := testkit.Get(d, tally, "k")
		require.True(t, ok)
		require.Equal(t, int64(12), n)
		require.Equal(t, map[string]int64{"k": 12}, testkit.Latest(testkit.Output(d, counts)))
	}
}

// TestFromPatternFindsItsOwnOutput: a topic that the application itself writes first.
func TestFromPatternFindsItsOwnOutput(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).ToEach(perUser, ofUser)
	countPerUser(b)
	d := drive(t, b)
	pipe(d, rec("ann", "1", 1), rec("bob", "2", 2), rec("ann", "3", 3))
	require.Equal(t, map[string]int64{"ann": 2, "bob": 1}, testkit.Latest(testkit.Output(d, counts)))
}

// TestFromPatternWithStateKeepsItsPartitions: a larger topic would have keys in other tasks.
func TestFromPatternWithStateKeepsItsPartitions(t *testing.T) {
	stateful, stateless := streams.NewBuilder("app"), streams.NewBuilder("app")
	countPerUser(stateful)
	streams.FromPattern(stateless, perUser).To(out)
	for _, b := range []*streams.Builder{stateful, stateless} {
		d, err := testkit.NewDriver(build(t, b), testkit.Partitions(2), testkit.PartitionsOf("user-a", 1))
		require.NoError(t, err)
		testkit.Input(d, perUser.Topic("user-a")).Pipe("k", "v", time.UnixMilli(1))
		testkit.Input(d, perUser.Topic("user-b")).Pipe("k", "v", time.UnixMilli(2))
		if b == stateless {
			require.NoError(t, d.Err())
			require.Len(t, testkit.Output(d, out).Read(), 2)
		} else {
			var mismatch *streams.CopartitionError
			require.ErrorAs(t, d.Err(), &mismatch)
			require.Equal(t, map[string]int32{"user-a": 1, "user-b": 2}, mismatch.Counts)
		}
		require.NoError(t, d.Close())
	}
}

// TestAPatternThatReadsWhatComesOutOfIt: each record would come back for ever. A chain is no circle, and who names the
// topic means it.
func TestAPatternThatReadsWhatComesOutOfIt(t *testing.T) {
	own := streams.NewTopic("user-all", serde.String, serde.String)
	b := streams.NewBuilder("app")
	streams.FromPattern(b, perUser).To(own)
	line := lineAbove()
	require.Contains(t, mistakes(t, b), line+`: topic "user-all" is read by pattern user-.+ (`+line+"), and written with "+
		"what comes out of that: each record would come back for ever")

	b = streams.NewBuilder("app") // through a repartition topic, another topic and a table
	streams.FromPattern(b, perUser).Repartition(rekey).To(other)
	streams.TableFrom(b, other, rows).ToStream().To(own)
	line = lineAbove()
	require.Contains(t, mistakes(t, b), line+`: topic "user-all" is read by pattern user-.+ (`)

	b = streams.NewBuilder("app") // through another pattern
	streams.FromPattern(b, perUser).To(streams.NewTopic("team-all", serde.String, serde.String))
	streams.FromPattern(b, streams.NewTopicPattern("team-.+", serde.String, serde.String)).To(own)
	require.Contains(t, mistakes(t, b), `topic "user-all" is read by pattern user-.+ (`)

	for name, describe := range map[string]func(b *streams.Builder){
		"chain": func(b *streams.Builder) {
			streams.From(b, in).To(own)
			streams.FromPattern(b, perUser).To(out)
		},
		"by name": func(b *streams.Builder) { streams.From(b, own).To(own) },
		"chosen for each record": func(b *streams.Builder) {
			streams.FromPattern(b, perUser).ToEach(perUser, func(r record) (string, error) { return "user-" + r.Value, nil })
		},
		"internal": func(b *streams.Builder) {
			streams.FromPattern(b, streams.NewTopicPattern("app-.+", serde.String, serde.String)).Repartition(rekey).
				ToTable(rows).ToStream().To(out)
		},
	} {
		b := streams.NewBuilder("app")
		describe(b)
		_, err := b.Build()
		require.NoError(t, err, name)
	}
}
