package storage

import "iter"

// Timed is the side of an open key-value store that goes by time: of one whose rows have a time to live, or of the
// buffer of a suppress. R is a row of it.
type Timed[R any] interface {
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
	// Expired walks the rows whose time to live is over, oldest first. They may be deleted on the way.
	Expired() iter.Seq2[R, error]
	// Oldest walks the rows of a store that finds them by time, oldest first, then by encoded key. They may be deleted on
	// the way.
	Oldest() iter.Seq2[R, error]
	// Waits is false if Until has nothing to show.
	Waits(timestamp int64) bool
	// Until walks those of them that are not younger than a time.
	Until(timestamp int64) iter.Seq2[R, error]
	// UntilEach is Until for who looks often, and has made the function that rows are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	UntilEach(timestamp int64, show func(R) (more bool, err error)) error
	// Tally is for processors that bound what they keep in the store: what they write here is rolled back with the rows.
	Tally() *Tally
}

// Tally is how much a processor keeps in a store.
type Tally struct{ Rows, Bytes int64 }

// Sweeping is the side of an open store of windows or sessions for a caller that goes forward in time and leaves
// nothing behind. R is a row of it.
type Sweeping[R any] interface {
	// Waits is false if Sweep has nothing to show up to a time.
	Waits(to int64) bool
	// Sweep walks the same rows as Between. It remembers where the next row is: until there is one to show, a sweep costs
	// nothing.
	Sweep(from, to int64) iter.Seq2[R, error]
	// SweepEach is Sweep for who sweeps often, and has made the function that rows are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	SweepEach(from, to int64, show func(R) (more bool, err error)) error
}
