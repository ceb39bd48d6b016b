package streams_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// lastLength keeps the length of the last word of each key. That of the word without letters cannot be written as JSON.
func lastLength(b *streams.Builder) {
	lengths := state.NewKeyValue("lengths", serde.String, serde.JSON[float64]())
	table := streams.Aggregate(streams.From(b, words).GroupByKey(), lengths, func() float64 { return 0 },
		func(_, word string, _ float64) float64 {
			if word == "" {
				return math.NaN()
			}
			return float64(len(word))
		})
	last := streams.TableMapValues(table, func(n float64) int64 { return int64(n) })
	last.ToStream().To(streams.NewTopic("per-key", serde.String, serde.Int64))
}

// Rows are encoded at the commit, by when nobody knows which record has put them. The second try finds it.
func TestARowThatCannotBeEncoded(t *testing.T) {
	r := newCountRig(t)
	r.produce("words", "k", "pear")
	r.produce("words", "k", "")
	err := r.run(lastLength, r.config(t.TempDir()))
	require.ErrorIs(t, err, state.ErrEncode)
	require.ErrorContains(t, err, `store lengths, key "k"`)
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "words", failed.Topic)
	require.Equal(t, int64(1), failed.Offset)
}

func TestARowThatCannotBeEncodedIsLeftOut(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	a, stop := r.start(lastLength, config)
	r.produce("words", "k", "pear", "bad", "", "k", "plums")
	r.requireValues("per-key", "\x00\x00\x00\x00\x00\x00\x00\x04", "\x00\x00\x00\x00\x00\x00\x00\x05")
	require.NoError(t, stop())
	require.Equal(t, int64(1), a.Dropped()[streams.DropProcess])
}
