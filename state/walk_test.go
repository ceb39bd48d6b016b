package state_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

var errClose = errors.New("the disk is gone")

// failingEngine has iterators that fail in the end.
type failingEngine struct{ store.Engine }

func (e failingEngine) Scan(lower, upper []byte, reverse bool) (store.Iterator, error) {
	it, err := e.Engine.Scan(lower, upper, reverse)
	return failingIterator{it}, err
}

type failingIterator struct{ store.Iterator }

func (i failingIterator) Close() error { return errors.Join(errClose, i.Iterator.Close()) }

// TestWalkThatFails: the error comes last, and not at all to a reader that has left.
func TestWalkThatFails(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<20)
	h.engine = failingEngine{h.engine}
	h.openStore()
	s := numbers.In(h)
	require.NoError(t, s.Put("a", 1, 1))
	var rows []state.Row[string, int64]
	var errs []error
	for row, err := range s.All() {
		rows, errs = append(rows, row), append(errs, err)
	}
	require.Len(t, rows, 2)
	require.Equal(t, "a", rows[0].Key)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], errClose)
	require.ErrorContains(t, errs[1], "store numbers")
	require.NotPanics(t, func() {
		for range s.All() {
			break
		}
	})
}
