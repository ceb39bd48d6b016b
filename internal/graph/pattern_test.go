package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var users = streams.NewTopicPattern("user-.+", serde.String, serde.String)

func countUsers(b *streams.Builder) {
	s := streams.FromPattern(b, users)
	s.GroupByKey().Count(counts).ToStream().To(out)
	streams.GroupBy(s, self, byWord).Count(state.NewKeyValue("by-word", serde.String, serde.Int64))
}

// TestMatchingLeavesOutInternalTopics, those of earlier versions of the topology included.
func TestMatchingLeavesOutInternalTopics(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		streams.FromPattern(b, streams.NewTopicPattern("app.*|x", serde.String, serde.String)).To(in)
	})
	require.True(t, topo.HasPatterns())
	require.Equal(t, []string{"app", "app-data", "apple-changelog"}, topo.Matching([]string{
		"app-data", "app-old-changelog", "app-by-word-repartition", "apple-changelog", "other", "app", "xx", "app",
	}))
	require.False(t, compile(t, wordCount).HasPatterns())
}

// TestExpandPutsTopicsInPlaceOfPatterns, with all that follows: tasks, partitions, inlets. The pattern stays as it was.
func TestExpandPutsTopicsInPlaceOfPatterns(t *testing.T) {
	topo := compile(t, countUsers)
	require.Equal(t, []string{"app-by-word-repartition", "user-.+"}, topo.SourceTopics())
	sources, _ := topo.ExternalTopics()
	require.Empty(t, sources)

	e, err := topo.Expand([]string{"user-b", "user-a", "x-user-c"})
	require.NoError(t, err)
	require.Equal(t, []string{"app-by-word-repartition", "user-a", "user-b"}, e.SourceTopics())
	sources, _ = e.ExternalTopics()
	require.Equal(t, []string{"user-a", "user-b"}, sources)
	counts, err := e.Partitions(map[string]int32{"user-a": 5, "user-b": 5})
	require.NoError(t, err)
	require.Equal(t, []int32{5, 5}, counts.Tasks)
	instance, err := e.Link(graph.TaskID{}, nil, &graph.Outbox{})
	require.NoError(t, err)
	require.Len(t, instance.Inlets, 2)
	require.NotSame(t, instance.Inlets["user-a"], instance.Inlets["user-b"])

	e, err = topo.Expand(nil)
	require.NoError(t, err)
	counts, err = e.Partitions(nil)
	require.NoError(t, err)
	require.Equal(t, []int32{0, 0}, counts.Tasks)
}

// TestPatternsAreJoinedLikeTopics: each that matches needs as many partitions.
func TestPatternsAreJoinedLikeTopics(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		table := streams.TableFrom(b, other, rows)
		streams.Join(streams.FromPattern(b, users), table, func(v, row string) string { return v + row }).To(in2())
	})
	e, err := topo.Expand([]string{"user-a", "user-b"})
	require.NoError(t, err)
	_, err = e.Partitions(map[string]int32{"other": 3, "user-a": 3, "user-b": 4})
	var mismatch *graph.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, map[string]int32{"other": 3, "user-a": 3, "user-b": 4}, mismatch.Counts)
}

// TestPatternsAreKeptLikeTopics: in one store, a key must be in one task.
func TestPatternsAreKeptLikeTopics(t *testing.T) {
	e, err := compile(t, countUsers).Expand([]string{"user-a", "user-b"})
	require.NoError(t, err)
	_, err = e.Partitions(map[string]int32{"user-a": 2, "user-b": 5})
	var mismatch *graph.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, map[string]int32{"user-a": 2, "user-b": 5}, mismatch.Counts)
	require.Contains(t, mismatch.Site, "pattern_test.go:18")
}

func TestATopicHasOneSource(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.FromPattern(b, users)
	streams.From(b, users.Topic("user-a"))
	_, err := b.Build()
	require.ErrorContains(t, err, "topic user-a is read by name (")
	require.ErrorContains(t, err, "and by pattern user-.+ (")

	topo := compile(t, func(b *streams.Builder) {
		streams.FromPattern(b, users).Merge(streams.FromPattern(b, users)).To(in)
		streams.FromPattern(b, streams.NewTopicPattern(".+-a", serde.String, serde.String)).To(in)
	})
	_, err = topo.Expand([]string{"user-a", "user-b", "x-a"})
	var ambiguous *graph.AmbiguousTopicError
	require.ErrorAs(t, err, &ambiguous)
	require.Equal(t, "user-a", ambiguous.Topic)
	require.Contains(t, ambiguous.First, "pattern user-.+ (")
	require.Contains(t, ambiguous.Second, "pattern .+-a (")
}
