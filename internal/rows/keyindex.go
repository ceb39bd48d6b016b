package rows

import "github.com/millstream-go/millstream/internal/store"

// KeyIndex finds the rows of one key by time in a store whose rows lie in the order of time.
type KeyIndex struct {
	Index
	segments Segments
	buf      []byte
}

// NewKeyIndex opens the index of a store that keeps rows for a time, in milliseconds.
func NewKeyIndex(name string, env Env, retention int64) *KeyIndex {
	return &KeyIndex{Index: *NewIndex(name, env), segments: NewSegments(retention)}
}

func (x *KeyIndex) encode(key []byte, at int64, rest []byte) []byte {
	x.buf = append(x.segments.Append(append(x.buf[:0], x.rows.prefix...), key, at), rest...)
	return x.buf
}

// Add enters a row.
func (x *KeyIndex) Add(key []byte, at int64, rest []byte) error {
	return x.Index.Add(x.encode(key, at, rest))
}

// Delete removes a row; if it is not there, nothing happens.
func (x *KeyIndex) Delete(key []byte, at int64, rest []byte) error {
	return x.Index.Delete(x.encode(key, at, rest))
}

// Restore enters, or removes, a row that comes from the changelog.
func (x *KeyIndex) Restore(b store.Batch, key []byte, at int64, rest []byte, there bool) error {
	return x.Index.Restore(b, x.encode(key, at, rest), there)
}

// Find shows the times of a key's rows from one to another, both included, until fn returns false or an error.
func (x *KeyIndex) Find(
	key []byte, from, to int64, reverse bool, fn func(at int64, rest []byte) (bool, error),
) error {
	if from > to {
		return nil
	}
	return x.segments.Bounds(x.rows.prefix, key, from, to, reverse, func(lower, upper []byte) (more bool, err error) {
		more = true
		err = x.walk(lower, upper, reverse, func(b []byte) (bool, error) {
			_, at, rest, _ := x.segments.Parse(b)
			more, err = fn(at, rest)
			return more, err
		})
		return more, err
	})
}

// Flush writes the changes, and removes segments that have expired.
func (x *KeyIndex) Flush(b store.Batch, oldest int64) error {
	if err := x.Index.Flush(b); err != nil {
		return err
	}
	if x.flushing = x.segments.Of(oldest); x.flushing == x.removed {
		return nil
	}
	lower, upper := x.segments.Expired(x.rows.prefix, oldest)
	return x.rows.Expire(b, lower, upper)
}
