package rows

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrChangedInPlace is the error of a store that finds a value changed which nobody has put.
var ErrChangedInPlace = errors.New("its value was changed in place: what was put or read belongs to the store, " +
	"change a copy and put that")

// watch finds values that were changed in place. Rows in memory are the values themselves: who changes a map that it
// got from a store changes the row, also the one that a failed record returns to, or that a table shows as the old one.
// It knows what each value was encoded to, and looks again when the row is used, and at the commit.
type watch struct {
	column  Column
	was     map[int][]byte   // by id; nil where it is not known
	undo    map[int][]byte   // what was was at Mark
	used    map[int]struct{} // since the last commit
	scratch []byte
}

func newWatch(column Column) *watch {
	return &watch{column: column, was: map[int][]byte{}, undo: map[int][]byte{}, used: map[int]struct{}{}}
}

// unchanged is an error if the value of an entry was changed in place. The rows are watched.
func (r *Rows) unchanged(id int) error {
	if !r.young.entry(id).there {
		return nil
	}
	if err := r.watch.compare(id); err != nil {
		return r.failed(r.young.key(id), err)
	}
	return nil
}

// compare compares the value of a row that is there with what it was: ErrChangedInPlace if they differ.
func (w *watch) compare(id int) error {
	w.used[id] = struct{}{}
	was := w.was[id]
	if was == nil {
		w.was[id] = w.encode(id)
		return nil
	}
	now, err := w.column.Append(w.scratch[:0], id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChangedInPlace, err) // it could be encoded before
	}
	// maps are encoded in any order
	if w.scratch = now; !bytes.Equal(was, now) && !w.column.Same(was, now) {
		return ErrChangedInPlace
	}
	return nil
}

// encode is the value as it is now; nil if it cannot be encoded, which fails the commit.
func (w *watch) encode(id int) []byte {
	b, err := w.column.Append([]byte{}, id)
	if err != nil {
		return nil
	}
	return b
}

// wrote remembers the value of a row that is there.
func (w *watch) wrote(id int) {
	w.used[id] = struct{}{}
	if _, ok := w.undo[id]; !ok {
		w.undo[id] = w.was[id]
	}
	w.was[id] = w.encode(id)
}

// usedIDs are the entries that were used since the last commit.
func (w *watch) usedIDs() map[int]struct{} {
	if w == nil {
		return nil
	}
	return w.used
}

func (w *watch) mark() {
	if w != nil {
		clear(w.undo)
	}
}

// takeBack is for values that are again what they were at mark.
func (w *watch) takeBack() {
	if w == nil {
		return
	}
	for id, was := range w.undo {
		if w.was[id] = was; was == nil {
			delete(w.was, id)
		}
	}
}

func (w *watch) committed() {
	if w != nil {
		clear(w.used)
	}
}

// reset is for when ids have lost their meaning.
func (w *watch) reset() {
	if w != nil {
		clear(w.was)
		clear(w.undo)
		clear(w.used)
	}
}
