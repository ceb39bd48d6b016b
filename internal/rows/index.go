package rows

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// Index is a second order of a store's rows: keys without values, beside the rows in the database. It has no changelog,
// as it follows from the rows.
type Index struct {
	rows     *Rows
	removed  int64 // segments below have been removed from the database, see KeyIndex
	flushing int64 // what removed will be once the flush is committed
}

// NewIndex opens the index of a store.
func NewIndex(name string, env Env) *Index {
	return &Index{rows: New(name, env.Part(IndexPart), noColumn{}, (*struct{})(nil))}
}

// Prefix is what each key begins with.
func (x *Index) Prefix() []byte { return x.rows.prefix }

// Add enters a key, if it is not there: there is nothing to change in one that is.
func (x *Index) Add(key []byte) error {
	_, _, ok, err := x.rows.Get(key)
	if err != nil || ok {
		return err
	}
	return x.Put(key)
}

// Put enters a key. One that is there is written again.
func (x *Index) Put(key []byte) error {
	id, err := x.rows.Begin(key)
	if err == nil {
		x.rows.Wrote(id, 0, true)
	}
	return err
}

// Delete removes a key; if it is not there, nothing happens.
func (x *Index) Delete(key []byte) error { return x.rows.Delete(key, 0) }

// Mark makes the present state the one that Undo returns to.
func (x *Index) Mark() { x.rows.Mark() }

// Undo takes back every write since Mark.
func (x *Index) Undo() { x.rows.Undo() }

// Abort drops everything since the last commit.
func (x *Index) Abort() { x.rows.Abort() }

// Committed tells that the batch is in the database.
func (x *Index) Committed() {
	x.removed = x.flushing
	x.rows.Committed()
}

// noTimestamp is the row of the database: the timestamp of what has none, and no value.
var noTimestamp [timestampSize]byte

// Flush writes the index's changes to the database.
func (x *Index) Flush(b store.Batch) error {
	for _, id := range x.rows.dirty {
		key := x.rows.young.key(id)
		var err error
		if x.rows.young.entry(id).there {
			err = b.Set(key, noTimestamp[:])
		} else {
			err = b.Delete(key)
		}
		if err != nil {
			return fmt.Errorf("state: store %s: %w", x.rows.name, err)
		}
	}
	return nil
}

// Restore enters a key into the database, or removes it, for a row that comes from the changelog.
func (x *Index) Restore(b store.Batch, key []byte, there bool) error {
	var value []byte
	if there {
		value = []byte{}
	}
	return x.rows.Restore(b, key, value, 0)
}

// From shows the keys from lower on, without the prefix, until fn returns false or an error.
func (x *Index) From(lower []byte, fn func(key []byte) (bool, error)) error {
	return x.walk(lower, x.rows.upper, false, fn)
}

// Below shows the keys below upper, without the prefix, until fn returns false or an error.
func (x *Index) Below(upper []byte, fn func(key []byte) (bool, error)) error {
	return x.walk(x.rows.prefix, upper, false, fn)
}

func (x *Index) walk(lower, upper []byte, reverse bool, fn func(key []byte) (bool, error)) error {
	return x.rows.Each(lower, upper, reverse, func(at *At) (bool, error) { return fn(at.Key[len(x.rows.prefix):]) })
}
