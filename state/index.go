package state

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// index is a second order of a store's rows: keys without values, beside the rows in the database. It has no changelog,
// as it follows from the rows.
type index struct{ *rows[none] }

type none = struct{}

// noBytes is the serde of an index's values.
type noBytes struct{}

func (noBytes) Append(dst []byte, _ none) ([]byte, error) { return dst, nil }
func (noBytes) Decode([]byte) (none, error)               { return none{}, nil }

// The rows of a store that has an index lie behind a byte of their own within the store's prefix, as does the index.
const (
	rowsPart  = 0
	indexPart = 1
)

// part is the environment of one part of a store.
func (e Env) part(b byte) Env {
	e.Prefix = append(e.Prefix[:len(e.Prefix):len(e.Prefix)], b)
	return e
}

func newIndex(name string, env Env) index {
	return index{newRows[none](name, env.part(indexPart), noBytes{})}
}

// add enters a key, if it is not there: there is nothing to change in one that is.
func (x index) add(key []byte) error {
	_, e, err := x.look(key)
	if err != nil || e != nil && e.there {
		return err
	}
	return x.put(key, none{}, 0)
}

// noTimestamp is the row of the database: the timestamp of what has none, and no value.
var noTimestamp [timestampSize]byte

// flush writes the index's changes to the database.
func (x index) flush(b store.Batch) error {
	for _, id := range x.dirty {
		e, key := x.young.entry(id), x.young.key(id)
		var err error
		if e.there {
			err = b.Set(key, noTimestamp[:])
		} else {
			err = b.Delete(key)
		}
		if err != nil {
			return fmt.Errorf("state: store %s: %w", x.name, err)
		}
	}
	return nil
}

// walk shows the keys with lower <= key < upper, without the prefix, until fn returns false or an error.
func (x index) walk(lower, upper []byte, reverse bool, fn func(key []byte) (bool, error)) error {
	return x.each(lower, upper, reverse, func(key []byte, _ none, _ int64) (bool, error) {
		return fn(key[len(x.prefix):])
	})
}
