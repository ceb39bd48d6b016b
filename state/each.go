package state

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/millstream-go/millstream/serde"
)

// walking is a walk over what each shows until it is told to stop. The error that each returns comes last, unless the
// reader broke the walk off.
func walking[R any](each func(show func(R) (bool, error)) error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		more := true
		err := each(func(row R) (bool, error) {
			more = yield(row, nil)
			return more, nil
		})
		if err != nil && more {
			var none R
			yield(none, err)
		}
	}
}

// checkSerdes says which serde of a declaration is missing, or not sound.
func checkSerdes(key, value any) error {
	switch {
	case key == nil:
		return errors.New("needs a serde for keys")
	case value == nil:
		return errors.New("needs a serde for values")
	}
	return errors.Join(serde.ErrOf(key), serde.ErrOf(value))
}

// checkRetention says that a declaration needs a retention.
func checkRetention(d time.Duration) error {
	switch {
	case d == 0:
		return errors.New("needs a retention: add Retain")
	case d < time.Millisecond:
		return fmt.Errorf("retention %v: must be a millisecond or more", d)
	}
	return nil
}
