package state_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

type votes = map[string]int64

// ballots is an open store of maps with the row {x:1, y:1} under a, that watches its values.
func ballots(t *testing.T) (*harness, state.KeyValueStore[string, votes]) {
	spec := state.NewKeyValue("ballots", serde.String, serde.Msgpack[votes]())
	h := &harness{t: t, spec: storage.Of(spec), engine: store.OpenMemory(), budget: storage.NewBudget(1 << 20), watch: true}
	h.openStore()
	s := spec.In(h)
	require.NoError(t, s.Put("a", votes{"x": 1, "y": 1}, 1))
	h.commit()
	return h, s
}

func (h *harness) flush() error { return h.open.Flush(h.engine.NewBatch(), &h.log) }

// row is the value under a.
func row(t *testing.T, s state.KeyValueStore[string, votes]) votes {
	value, ok, err := s.Get("a")
	require.NoError(t, err)
	require.True(t, ok)
	return value
}

func TestValuesChangedInPlaceAreFound(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *harness, state.KeyValueStore[string, votes]) error{
		"and put back": func(t *testing.T, _ *harness, s state.KeyValueStore[string, votes]) error {
			v := row(t, s)
			v["x"]++
			return s.Put("a", v, 2)
		},
		"and not put": func(t *testing.T, h *harness, s state.KeyValueStore[string, votes]) error {
			row(t, s)["x"]++
			return h.flush()
		},
		"after it was put": func(t *testing.T, h *harness, s state.KeyValueStore[string, votes]) error {
			v := votes{"x": 2}
			require.NoError(t, s.Put("a", v, 2))
			v["x"]++
			return h.flush()
		},
		"by a record that is taken back": func(t *testing.T, h *harness, s state.KeyValueStore[string, votes]) error {
			v := row(t, s)
			require.NoError(t, s.Put("a", votes{"x": 2}, 2))
			v["x"]++
			h.open.Undo()
			return h.flush()
		},
		"by a walk": func(t *testing.T, h *harness, s state.KeyValueStore[string, votes]) error {
			for r, err := range s.All() {
				require.NoError(t, err)
				r.Value["x"]++
			}
			return h.flush()
		},
		"and met by a walk": func(t *testing.T, _ *harness, s state.KeyValueStore[string, votes]) (found error) {
			row(t, s)["x"]++
			for _, err := range s.All() {
				found = err
			}
			return found
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, s := ballots(t)
			err := change(t, h, s)
			require.ErrorIs(t, err, state.ErrChangedInPlace)
			require.ErrorContains(t, err, `store ballots, key "a"`)
		})
	}
}

// A value that cannot be encoded was not changed in place. The commit tells, as of a store that does not watch.
func TestAWatchedValueThatCannotBeEncoded(t *testing.T) {
	spec := state.NewKeyValue("ratios", serde.String, serde.JSON[map[string]float64]())
	h := &harness{t: t, spec: storage.Of(spec), engine: store.OpenMemory(), budget: storage.NewBudget(1 << 20), watch: true}
	h.openStore()
	s := spec.In(h)
	require.NoError(t, s.Put("a", map[string]float64{"x": math.NaN()}, 1))
	_, _, err := s.Get("a")
	require.NoError(t, err)
	err = h.flush()
	require.ErrorIs(t, err, state.ErrEncode)
	require.ErrorContains(t, err, `store ratios, key "a"`)

	h.open.Abort()
	value := map[string]float64{"x": 1}
	require.NoError(t, s.Put("a", value, 2))
	value["x"] = math.NaN()
	require.ErrorIs(t, h.flush(), state.ErrChangedInPlace)
}

func TestCopiesMayBeChanged(t *testing.T) {
	h, s := ballots(t)
	for i := range int64(20) { // msgpack writes maps in any order
		v := votes{"x": row(t, s)["x"] + 1, "y": 7, "z": i}
		require.NoError(t, s.Put("a", v, i))
		if i%3 == 0 {
			h.commit()
		}
		if i%4 == 0 {
			h.open.Undo()
		}
	}
	require.NoError(t, s.Delete("a", 30))
	h.commit()
	require.NoError(t, s.Put("a", votes{"x": 1}, 31))
	h.commit()
	require.Equal(t, votes{"x": 1}, row(t, s))
}
