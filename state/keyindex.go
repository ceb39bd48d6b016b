package state

import "github.com/millstream-go/millstream/internal/store"

// keyIndex finds the rows of one key by time in a store whose rows lie in the order of time.
type keyIndex struct {
	index
	segments
	removed  int64 // segments below have been removed from the database
	flushing int64
	buf      []byte
}

func newKeyIndex(name string, env Env, retention int64) *keyIndex {
	return &keyIndex{index: newIndex(name, env), segments: newSegments(retention)}
}

func (x *keyIndex) encode(key []byte, at int64, rest []byte) []byte {
	x.buf = append(x.append(append(x.buf[:0], x.prefix...), key, at), rest...)
	return x.buf
}

func (x *keyIndex) put(key []byte, at int64, rest []byte) error {
	return x.index.add(x.encode(key, at, rest))
}

func (x *keyIndex) delete(key []byte, at int64, rest []byte) error {
	return x.index.delete(x.encode(key, at, rest), 0)
}

// restore enters, or removes, a row that comes from the changelog.
func (x *keyIndex) restore(b store.Batch, key []byte, at int64, rest []byte, there bool) error {
	var value []byte
	if there {
		value = []byte{}
	}
	return x.index.restore(b, x.encode(key, at, rest), value, 0)
}

// find shows the times of a key's rows from one to another, both included, until fn returns false or an error.
func (x *keyIndex) find(
	key []byte, from, to int64, reverse bool, fn func(at int64, rest []byte) (bool, error),
) error {
	if from > to {
		return nil
	}
	return x.bounds(x.prefix, key, from, to, reverse, func(lower, upper []byte) (more bool, err error) {
		more = true
		err = x.walk(lower, upper, reverse, func(b []byte) (bool, error) {
			_, at, rest, _ := x.parse(b)
			more, err = fn(at, rest)
			return more, err
		})
		return more, err
	})
}

// flush writes the changes, and removes segments that have expired.
func (x *keyIndex) flush(b store.Batch, oldest int64) error {
	if err := x.index.flush(b); err != nil {
		return err
	}
	if x.flushing = oldest / x.interval; x.flushing == x.removed {
		return nil
	}
	lower, upper := x.expired(x.prefix, oldest)
	x.expire(upper)
	return b.DeleteRange(lower, upper)
}

func (x *keyIndex) Committed() {
	x.removed = x.flushing
	x.index.Committed()
}
