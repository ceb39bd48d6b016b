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
