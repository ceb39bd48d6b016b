//go:build invariants

package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// A build with the tag invariants ends an application that changes values of a store in place, whatever its policy.
func TestAnApplicationThatChangesItsRowsInPlace(t *testing.T) {
	seen := state.NewKeyValue("seen", serde.String, serde.JSON[map[string]int]())
	r := newRig(t, "words")
	r.produce("words", "k", "pear", "k", "plum")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	err := r.run(func(b *streams.Builder) {
		streams.Aggregate(streams.From(b, words).GroupByKey(), seen, func() map[string]int { return map[string]int{} },
			func(_, v string, row map[string]int) map[string]int {
				row[v]++
				return row
			})
	}, config)
	require.ErrorIs(t, err, state.ErrChangedInPlace)
}

// It also ends one whose serde gives a key other bytes each time.
func TestAnApplicationWhoseKeysHaveNoFixedBytes(t *testing.T) {
	perTags := state.NewKeyValue("tally", unsteady, serde.Int64)
	r := newRig(t, "words")
	r.produce("words", "k", "pear", "k", "plum", "k", "fig", "k", "pea", "k", "nut", "k", "date", "k", "lime", "k", "kiwi")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	err := r.run(func(b *streams.Builder) { byTags(streams.From(b, words)).GroupByKey().Count(perTags) }, config)
	require.ErrorIs(t, err, serde.ErrUnsteady)
	require.ErrorContains(t, err, "store tally")
}
