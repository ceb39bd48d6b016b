package state

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/serde"
)

// ErrChangedInPlace is the error of a store that finds a value changed which nobody has put.
var ErrChangedInPlace = errors.New("its value was changed in place: what was put or read belongs to the store, " +
	"change a copy and put that")

// watch finds values that were changed in place. Rows in memory are the values themselves: who changes a map that it
// got from a store changes the row, also the one that a failed record returns to, or that a table shows as the old one.
// It knows what each value was encoded to, and looks again when the row is used, and at the commit.
type watch[V any] struct {
	values  serde.Serde[V]
	was     map[int][]byte   // by id; nil where it is not known
	undo    map[int][]byte   // what was was at Mark
	used    map[int]struct{} // since the last commit
	scratch []byte
}

// newWatch is nil, which watches nothing, unless that is asked for and a value can be changed in place.
func newWatch[V any](env Env, values serde.Serde[V]) *watch[V] {
	constant := func(k reflect.Kind) bool { return isNumber(k) || k == reflect.String }
	if !env.Watch || consistsOf(reflect.TypeFor[V](), constant) {
		return nil
	}
	return &watch[V]{values: values, was: map[int][]byte{}, undo: map[int][]byte{}, used: map[int]struct{}{}}
}

// use compares the value of an entry with what it was.
func (w *watch[V]) use(id int, e *entry[V]) error {
	if !e.there {
		return nil
	}
	w.used[id] = struct{}{}
	was := w.was[id]
	if was == nil {
		w.was[id] = w.encode(e)
		return nil
	}
	now, err := w.values.Append(w.scratch[:0], e.value)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChangedInPlace, err) // it could be encoded before
	}
	if w.scratch = now; !bytes.Equal(was, now) && !w.same(was, now) {
		return ErrChangedInPlace
	}
	return nil
}

// same is true if both decode to the same: maps are encoded in any order.
func (w *watch[V]) same(a, b []byte) bool {
	x, errX := w.values.Decode(a)
	y, errY := w.values.Decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// encode is the value as it is now; nil if it cannot be encoded, which fails the commit.
func (w *watch[V]) encode(e *entry[V]) []byte {
	b, err := w.values.Append([]byte{}, e.value)
	if err != nil {
		return nil
	}
	return b
}

// wrote remembers the value of an entry.
func (w *watch[V]) wrote(id int, e *entry[V]) {
	if w == nil || !e.there {
		return
	}
	w.used[id] = struct{}{}
	if _, ok := w.undo[id]; !ok {
		w.undo[id] = w.was[id]
	}
	w.was[id] = w.encode(e)
}

// usedIDs are the entries that were used since the last commit.
func (w *watch[V]) usedIDs() map[int]struct{} {
	if w == nil {
		return nil
	}
	return w.used
}

func (w *watch[V]) mark() {
	if w != nil {
		clear(w.undo)
	}
}

// takeBack is for values that are again what they were at mark.
func (w *watch[V]) takeBack() {
	if w == nil {
		return
	}
	for id, was := range w.undo {
		if w.was[id] = was; was == nil {
			delete(w.was, id)
		}
	}
}

func (w *watch[V]) committed() {
	if w != nil {
		clear(w.used)
	}
}

// reset is for when ids have lost their meaning.
func (w *watch[V]) reset() {
	if w != nil {
		clear(w.was)
		clear(w.undo)
		clear(w.used)
	}
}
