package state

import (
	"errors"
	"iter"
	"time"
)

// each shows the rows with lower <= key < upper to fn until that returns false or an error.
func (r *rows[V]) each(
	lower, upper []byte, reverse bool, fn func(key []byte, value V, timestamp int64) (bool, error),
) (err error) {
	s := r.scan(lower, upper, reverse)
	defer func() { // also when fn panics: the database does not close with an iterator open
		if failed := s.close(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	for s.next() {
		if more, err := fn(s.key, s.value, s.timestamp); !more || err != nil {
			return err
		}
	}
	return nil
}

// walking is a walk over what show shows until it is told to stop. The error that show returns comes last, unless the
// reader broke the walk off.
func walking[R any](show func(to func(R) bool) error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		more := true
		err := show(func(row R) bool {
			more = yield(row, nil)
			return more
		})
		if err != nil && more {
			var none R
			yield(none, err)
		}
	}
}

// checkSerdes says which serde of a declaration is missing.
func checkSerdes(key, value any) error {
	switch {
	case key == nil:
		return errors.New("needs a serde for keys")
	case value == nil:
		return errors.New("needs a serde for values")
	}
	return nil
}

// checkRetention says that a declaration needs a retention.
func checkRetention(d time.Duration) error {
	if d < time.Millisecond {
		return errors.New("needs a retention: add Retain")
	}
	return nil
}
