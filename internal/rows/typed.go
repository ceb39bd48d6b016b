package rows

import "github.com/millstream-go/millstream/window"

// What follows are open stores for steps that know no types: keys, windowed keys and values are pointers to what has
// the types of the store. So such steps are compiled once, and what they do with types where the store is declared.
// Stores of package state give them as their Handle.

// Typed makes variables of the types of a store.
type Typed interface {
	NewKey() any   // *K
	NewValue() any // *V
}

// Times is the stream time of a store.
type Times interface {
	// Observe moves it on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

// ByKey is a key-value store.
type ByKey interface {
	Typed
	Times
	// Load copies the row of a key into value.
	Load(key, value any) (timestamp int64, ok bool, err error)
	// Keep writes a row, or deletes it where value is nil.
	Keep(key, value any, timestamp int64) error
	// Waits is false if there is no row of a time, or an older one.
	Waits(timestamp int64) bool
	// Due makes a walk over the rows of a time and of older ones, oldest first. They may be deleted on the way. What show
	// gets is good until the next row. The walk ends when that returns false or an error.
	Due(show func(key, value any, timestamp int64) (bool, error)) func(timestamp int64) error
}

// ByWindow is a window store, which does not look at the ends of windows, or a session store.
type ByWindow interface {
	Typed
	Times
	// Load copies the row of a key and window into value.
	Load(key any, at window.Window, value any) (timestamp int64, ok bool, err error)
	// Keep writes a row, or deletes it where value is nil.
	Keep(key any, at window.Window, value any, timestamp int64) error
	// Finder makes a view of the rows of one key.
	Finder() Finder
	// Waits is false if a sweep has nothing to show up to a time.
	Waits(to int64) bool
	// Sweeping makes a walk over the rows whose window starts, or whose session ends, from one time to another, for who
	// goes forward in time and leaves nothing behind. What show gets is good until the next row; of windows at has the
	// start alone.
	Sweeping(show func(key any, at window.Window, value any, timestamp int64) error) func(from, to int64) error
	// NewWindowed makes a variable for windowed keys, which SetWindowed writes.
	NewWindowed() any // *window.Windowed[K]
	SetWindowed(windowed, key any, at window.Window)
	// LoadWindowed is Load for a windowed key.
	LoadWindowed(windowed, value any) (timestamp int64, ok bool, err error)
	Silence() *Silence
}

// Finder holds the rows of one key that were found.
type Finder interface {
	// Find forgets the last ones and takes those whose windows start from one time to another, or whose sessions touch
	// that span, in their order.
	Find(key any, from, to int64) error
	Len() int
	// At is the window of a row, of which a window store knows the start alone, its value, and its timestamp.
	At(i int) (at window.Window, value any, timestamp int64)
}

// ByVersion is a versioned store.
type ByVersion interface {
	Typed
	// AsOfInto copies the row of a key as it was at a time into value.
	AsOfInto(key any, at int64, value any) (timestamp int64, ok bool, err error)
	// Enter takes a version, that of a delete where value is nil.
	Enter(key, value any, timestamp int64) (stored, newest bool, err error)
}
