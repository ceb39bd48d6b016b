package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// TestAnotherApplicationOfTheSameID does not take the rows of a store of the same name. The one that was there is told
// of it, and goes on.
func TestAnotherApplicationOfTheSameID(t *testing.T) {
	others := streams.NewTopic("others", serde.String, serde.String)
	perOther := streams.NewTopic("per-other", serde.String, serde.Int64)
	counting := func(rows state.KeyValue[string, int64]) func(b *streams.Builder) {
		return func(b *streams.Builder) { streams.From(b, others).GroupByKey().Count(rows).ToStream().To(perOther) }
	}
	r := newRig(t, "words", "per-key", "others", "per-other")
	stop := r.startRunning(countKeys, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	requireStops[*streams.LostOffsetsError](r, counting(keyRows), r.config(t.TempDir()))
	r.requireLog("members of the group read none of the topics of this one")
	r.requireLog("topics=[others]")
	stopOther := r.startRunning(counting(wordRows), r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stopOther())
	require.NoError(t, stop())
}
