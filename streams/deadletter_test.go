package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// TestDeadLettersDoNotComeBack: one that the application reads itself would be a bad record again, for ever.
func TestDeadLettersDoNotComeBack(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).Merge(streams.FromPattern(b, streams.NewTopicPattern("dead-.*", serde.String, serde.String))).
		Repartition(rekey).ToTable(rows)
	streams.GlobalTableFrom(b, other, sums)
	topo := build(t, b)
	with := func(topic string) error {
		_, err := streams.New(topo, streams.Config{OnError: streams.DeadLetter, DeadLetterTopic: topic})
		return err
	}
	require.ErrorContains(t, with("in"), `DeadLetterTopic "in" is read by the application itself, by name (`)
	require.ErrorContains(t, with("other"), `is read by the application itself, by name (`)
	require.ErrorContains(t, with("dead-letters"), `is read by the application itself, by pattern dead-.* (`)
	require.ErrorContains(t, with("app-rekey-repartition"), "is an internal topic of the application")
	require.ErrorContains(t, with("app-rows-changelog"), "is an internal topic of the application")
	require.NoError(t, with("letters-dead"))
}

func TestNewNeedsATopology(t *testing.T) {
	_, err := streams.New(nil, streams.Config{})
	require.ErrorContains(t, err, "the topology is nil: Build returned an error in its place")
}
