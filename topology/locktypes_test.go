package topology_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

type (
	place struct {
		City string `json:"city" msgpack:"city"`
	}
	placeNumbered struct {
		City int64 `json:"city" msgpack:"city"`
	}
	order struct {
		ID    string  `json:"id" msgpack:"id"`
		Cents int64   `json:"cents" msgpack:"cents"`
		To    []place `json:"to" msgpack:"to"`
	}
	orderAgain struct {
		ID    string  `json:"id" msgpack:"id"`
		Cents int64   `json:"cents" msgpack:"cents"`
		To    []place `json:"to" msgpack:"to"`
	}
	orderMore struct {
		ID    string    `json:"id" msgpack:"id"`
		Cents int64     `json:"cents" msgpack:"cents"`
		To    []place   `json:"to" msgpack:"to"`
		At    time.Time `json:"at" msgpack:"at"`
	}
	orderRenamed struct {
		ID    string  `json:"id" msgpack:"id"`
		Cents int64   `json:"amount" msgpack:"amount"`
		To    []place `json:"to" msgpack:"to"`
	}
	orderRetyped struct {
		ID    string  `json:"id" msgpack:"id"`
		Cents float64 `json:"cents" msgpack:"cents"`
		To    []place `json:"to" msgpack:"to"`
	}
	orderBelow struct {
		ID    string          `json:"id" msgpack:"id"`
		Cents int64           `json:"cents" msgpack:"cents"`
		To    []placeNumbered `json:"to" msgpack:"to"`
	}
	orderMoved struct {
		Cents int64   `json:"cents" msgpack:"cents"`
		ID    string  `json:"id" msgpack:"id"`
		To    []place `json:"to" msgpack:"to"`
	}
	cents        int64
	orderOfCents struct {
		ID    string  `json:"id" msgpack:"id"`
		Cents cents   `json:"cents" msgpack:"cents"`
		To    []place `json:"to" msgpack:"to"`
	}
)

// holds is a lock with a type as the values of a table, as the keys of one, and on its way.
type holds struct{ values, keys, moved, buffered topology.Lock }

func holding[T any](t *testing.T, of func() serde.Serde[T]) holds {
	s := of()
	table := func(b *streams.Builder) {
		streams.TableFrom(b, streams.NewTopic("in", serde.String, s), state.NewKeyValue("rows", serde.String, s))
	}
	keys := func(b *streams.Builder) {
		streams.TableFrom(b, streams.NewTopic("in", s, serde.String), state.NewKeyValue("rows", s, serde.String))
	}
	moved := func(b *streams.Builder) {
		streams.From(b, streams.NewTopic("in", serde.String, s)).
			Repartition(streams.NewRepartition("moved", serde.String, s)).
			ForEach(func(streams.Record[string, T]) error { return nil })
	}
	buffered := func(b *streams.Builder) {
		streams.TableFrom(b, streams.NewTopic("in", serde.String, s), state.NewKeyValue("rows", serde.String, s)).
			Suppress(streams.HoldFor(time.Hour), state.NewSuppress("held", serde.String, s))
	}
	return holds{
		compile(t, table).Lock(), compile(t, keys).Lock(), compile(t, moved).Lock(), compile(t, buffered).Lock(),
	}
}

func asJSON[T any](t *testing.T) holds    { return holding(t, serde.JSON[T]) }
func asMsgpack[T any](t *testing.T) holds { return holding(t, serde.Msgpack[T]) }

func own[T any](t *testing.T) holds {
	return holding(t, func() serde.Serde[T] {
		s := serde.JSON[T]()
		return serde.New("own", s.Append, s.Decode)
	})
}

// TestTypesAreLocked: what stored values would be read as, and what keys would be written as.
func TestTypesAreLocked(t *testing.T) {
	for name, c := range map[string]struct {
		after        [3]holds // JSON, Msgpack, and a serde of the user's
		values, keys topology.Severity
		text         string
	}{
		"a type of another name with the same fields": {
			[3]holds{asJSON[orderAgain](t), asMsgpack[orderAgain](t), own[orderAgain](t)}, notes, notes,
			"with the same fields: they decode, and must mean the same",
		},
		"a field more": {
			[3]holds{asJSON[orderMore](t), asMsgpack[orderMore](t), own[orderMore](t)}, notes, breaks, "have a new field",
		},
		"a field of another type": {
			[3]holds{asJSON[orderRetyped](t), asMsgpack[orderRetyped](t), own[orderRetyped](t)}, breaks, breaks,
			"as float64 in place of int64",
		},
		"a field of another type below": {
			[3]holds{asJSON[orderBelow](t), asMsgpack[orderBelow](t), own[orderBelow](t)}, breaks, breaks,
			"as int64 in place of string",
		},
		"fields in another order": {
			[3]holds{asJSON[orderMoved](t), asMsgpack[orderMoved](t), own[orderMoved](t)}, notes, breaks, "in another order",
		},
		"a name for the type of a field": {
			[3]holds{asJSON[orderOfCents](t), asMsgpack[orderOfCents](t), own[orderOfCents](t)}, notes, breaks,
			"in bytes of the same kind",
		},
		"another type": {
			[3]holds{asJSON[[]string](t), asMsgpack[[]string](t), own[[]string](t)}, breaks, breaks, "are of type []string",
		},
		"a list of them": {
			[3]holds{asJSON[[]order](t), asMsgpack[[]order](t), own[[]order](t)}, breaks, breaks, "are of type []",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i, before := range []holds{asJSON[order](t), asMsgpack[order](t), own[order](t)} {
				check := func(want topology.Severity, before, after topology.Lock) {
					t.Helper()
					severity, texts := worst(before.Compare(after))
					require.Equal(t, want, severity, texts)
					require.Contains(t, texts, c.text)
					require.Empty(t, before.Compare(before))
				}
				check(c.values, before.values, c.after[i].values)
				check(c.keys, before.keys, c.after[i].keys)
				check(c.values, before.moved, c.after[i].moved)
				check(c.values, before.buffered, c.after[i].buffered)
			}
		})
	}
}

// TestFieldsThatAreGoneAreLocked, also where only the name is another one.
func TestFieldsThatAreGoneAreLocked(t *testing.T) {
	for _, c := range [][2]topology.Lock{
		{asJSON[orderMore](t).values, asJSON[order](t).values},
		{asJSON[order](t).values, asJSON[orderRenamed](t).values},
		{asMsgpack[order](t).values, asMsgpack[orderRenamed](t).values},
	} {
		severity, texts := worst(c[0].Compare(c[1]))
		require.Equal(t, breaks, severity, texts)
		require.Contains(t, texts, "any more: what rows have in it is lost")
	}
}

// TestTypesOfTopicsAreNoted: nothing that is stored depends on the values of a topic that is only read.
func TestTypesOfTopicsAreNoted(t *testing.T) {
	before := compile(t, read(streams.NewTopic("in", serde.String, serde.JSON[order]()))).Lock()
	after := compile(t, read(streams.NewTopic("in", serde.String, serde.JSON[orderRetyped]()))).Lock()
	severity, texts := worst(before.Compare(after))
	require.Equal(t, notes, severity, texts)
	require.Contains(t, texts, `source topic "in" has values that have the field "cents" as float64`)
}
