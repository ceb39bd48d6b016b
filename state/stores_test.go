package state_test

import (
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

var (
	sessions  = state.NewSession("sessions", serde.String, serde.Bytes).Retain(keep)
	unmatched = unmatchedOf("unmatched", serde.String, serde.Bytes, serde.Bytes)
	versioned = state.NewVersioned("versioned", serde.String, serde.Bytes, history*time.Millisecond)
)

const (
	keep    = 90 * time.Second
	history = 50
)

// TestSessionOfNoTime: bounds that no session has are a mistake of the caller.
func TestSessionOfNoTime(t *testing.T) {
	h := newHarness(t, storage.Of(sessions), 1<<20)
	require.ErrorContains(t, sessions.In(h).Put("a", -1, 5, nil, 5), "the start must be 0 or more")
	require.ErrorContains(t, sessions.In(h).Put("a", 6, 5, nil, 5), "not after the end")
}

// TestBufferTimeIsThatOfTheKey: where a broker stamps records itself, the time of a changelog record says nothing.
func TestBufferTimeIsThatOfTheKey(t *testing.T) {
	declared := state.NewBuffer("buffer", serde.String, serde.Int64).Retain(keep)
	for _, spec := range []state.Buffer[string, int64]{declared, declared.ByTime()} {
		h := newHarness(t, storage.Of(spec), 1<<20)
		require.NoError(t, spec.In(h).Put("a", 1, 50))
		h.commit()
		h.log.records[0].timestamp = 7
		h.lose()
		s := spec.In(h)
		walk := func() iter.Seq2[state.BufferRow[string, int64], error] {
			if storage.Of(spec).Layout() == "" {
				return s.Fetch("a", 0, 100)
			}
			return s.Until(100)
		}
		for row, err := range walk() {
			require.NoError(t, err)
			require.Equal(t, int64(50), row.Timestamp)
			require.NoError(t, s.Remove(row))
		}
		for range walk() {
			require.Fail(t, "is removed")
		}
	}
}

// TestUnmatchedDamage: a row that does not decode is told, and is still there the next time.
func TestUnmatchedDamage(t *testing.T) {
	h := newHarness(t, storage.Of(unmatched), 1<<20)
	require.NoError(t, unmatched.In(h).PutLeft("a", nil, 5))
	h.commit()
	h.log.records[0].value = []byte("damaged")
	h.lose()
	for range 2 {
		var errs []error
		for _, err := range unmatched.In(h).Due(10, 10) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], "state: store unmatched")
	}
}

// TestVersionedForgets: what nobody can ask for any more leaves the database.
func TestVersionedForgets(t *testing.T) {
	h := newHarness(t, storage.Of(versioned), 1<<20)
	for at := range int64(100) {
		_, _, err := versioned.In(h).Put("a", []byte("value"), at*10)
		require.NoError(t, err)
		h.commit()
	}
	value, ok, err := h.engine.Get(nil, []byte{1, 7, 0, 'a'})
	require.NoError(t, err)
	require.True(t, ok)
	require.Less(t, strings.Count(string(value), "value"), 8)

	_, _, err = versioned.In(h).Delete("a", 1000)
	require.NoError(t, err)
	h.commit()
	versioned.In(h).Observe(1000 + history + 1)
	h.commit()
	it, err := h.engine.Scan(nil, nil, false)
	require.NoError(t, err)
	require.False(t, it.Next(), "a row that was deleted is buried after the history")
	require.NoError(t, it.Close())
}

// TestUnmatchedOfTheOtherSide: records of one side under a key of the other cannot be removed again.
func TestUnmatchedOfTheOtherSide(t *testing.T) {
	h := newHarness(t, storage.Of(unmatched), 1<<20)
	require.NoError(t, unmatched.In(h).PutLeft("a", nil, 5))
	h.commit()
	require.Equal(t, byte(1), h.log.records[0].key[8])
	h.log.records[0].key[8] = 0
	h.lose()
	for _, err := range unmatched.In(h).Due(10, 10) {
		require.ErrorIs(t, err, state.ErrCorrupt)
		require.ErrorContains(t, err, "state: store unmatched-outer-shared-join-store: ")
	}
}

// TestNoRowIsOlderThanTheEpoch: a changelog could not have it, so that a restore would bring another row back.
func TestNoRowIsOlderThanTheEpoch(t *testing.T) {
	retained := func(spec storage.Spec) *harness { return newHarness(t, spec, 0) }
	for name, write := range map[string]func() error{
		"key-value": func() error {
			s := state.NewKeyValue("s", serde.String, serde.Int64)
			return s.In(retained(storage.Of(s))).Put("k", 1, -5)
		},
		"delete": func() error {
			s := state.NewKeyValue("s", serde.String, serde.Int64)
			return s.In(retained(storage.Of(s))).Delete("k", -5)
		},
		"window": func() error {
			s := state.NewWindow("s", serde.String, serde.Int64).Retain(time.Minute)
			return s.In(retained(storage.Of(s))).Put("k", 0, 1, -5)
		},
		"start of a window": func() error {
			s := state.NewWindow("s", serde.String, serde.Int64).Retain(time.Minute)
			return s.In(retained(storage.Of(s))).Put("k", -5, 1, 0)
		},
		"session": func() error {
			s := state.NewSession("s", serde.String, serde.Int64).Retain(time.Minute)
			return s.In(retained(storage.Of(s))).Put("k", 0, 1, 1, -5)
		},
		"version": func() error {
			s := state.NewVersioned("s", serde.String, serde.Int64, time.Minute)
			_, _, err := s.In(retained(storage.Of(s))).Put("k", 1, -5)
			return err
		},
		"version in front of another": func() error {
			s := state.NewVersioned("s", serde.String, serde.Int64, time.Minute)
			in := s.In(retained(storage.Of(s)))
			_, _, err := in.Put("k", 1, 10)
			require.NoError(t, err)
			_, _, err = in.Delete("k", -5)
			return err
		},
		"buffer": func() error {
			s := state.NewBuffer("s", serde.String, serde.Int64).Retain(time.Minute)
			return s.In(retained(storage.Of(s))).Put("k", 1, -5)
		},
	} {
		require.ErrorContains(t, write(), "must be 0 or more", name)
	}
}
