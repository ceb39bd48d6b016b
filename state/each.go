package state

import "iter"

// walking is a walk over what each shows until it is told to stop. The error that each returns comes last, unless the
// reader broke the walk off. It is not inlined: what is, is compiled with each method that walks, twice.
//
//go:noinline
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
