package topology_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// everywhere has a global table of a topic, in a store.
func everywhere[V any](topic, store string, s serde.Serde[V]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.GlobalTableFrom(b, streams.NewTopic(topic, serde.String, s), state.NewKeyValue(store, serde.String, s))
	}
}

// inMemory is everywhere in memory.
func inMemory[V any](topic string, s serde.Serde[V]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.GlobalTableFrom(b, streams.NewTopic(topic, serde.String, s),
			state.NewKeyValue("named", serde.String, s).InMemory())
	}
}

// TestGlobalTablesAreLocked: their rows lie in the state directory of each process, as far as their topics were read.
func TestGlobalTablesAreLocked(t *testing.T) {
	before := everywhere("products", "named", serde.JSON[order]())
	for name, c := range map[string]struct {
		before, after func(b *streams.Builder)
		severity      topology.Severity
		text          string
	}{
		"another format": {before, everywhere("products", "named", serde.Msgpack[order]()), breaks, "give the new format"},
		"a field of another type": {
			before, everywhere("products", "named", serde.JSON[orderRetyped]()), breaks, "as float64 in place of int64",
		},
		"a field more": {before, everywhere("products", "named", serde.JSON[orderMore]()), notes, "a new field"},
		"another topic": {
			before, everywhere("goods", "named", serde.JSON[order]()), breaks, "holds records of goods in place of products",
		},
		"another store":   {before, everywhere("products", "other", serde.JSON[order]()), notes, "reads products whole"},
		"on disk no more": {before, inMemory("products", serde.JSON[order]()), notes, "each start reads products whole"},
		"on disk now":     {inMemory("products", serde.JSON[order]()), before, notes, "kept nothing"},
		"in memory, of another type": {
			inMemory("products", serde.JSON[order]()), inMemory("products", serde.JSON[orderRetyped]()), notes, "kept nothing",
		},
		"one more": {read(in), before, notes, "is new"},
		"one less": {before, read(in), notes, "is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			both := func(describe func(b *streams.Builder)) topology.Lock {
				lock := compile(t, func(b *streams.Builder) {
					streams.From(b, other).ForEach(func(streams.Record[string, string]) error { return nil })
					describe(b)
				}).Lock()
				text, err := lock.JSON()
				require.NoError(t, err)
				lock, err = topology.ParseLock(text)
				require.NoError(t, err)
				return lock
			}
			require.Empty(t, both(c.before).Compare(both(c.before)))
			severity, texts := worst(both(c.before).Compare(both(c.after)))
			require.Equal(t, c.severity, severity, texts)
			require.Contains(t, texts, c.text)
		})
	}
}
