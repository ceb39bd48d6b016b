package state

import (
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/window"
)

// The handles of open stores are also rows.ByKey, rows.ByWindow and rows.ByVersion, for steps without types: keys and
// values are pointers. What a method has of types is short, as it is compiled with each declared store.

func (s *keyValueStore[K, V]) NewKey() any   { return new(K) }
func (s *keyValueStore[K, V]) NewValue() any { return new(V) }

func (s *keyValueStore[K, V]) Load(key, value any) (timestamp int64, ok bool, err error) {
	b, err := s.key(*key.(*K))
	if err != nil {
		return 0, false, err
	}
	return s.column.load(b, value.(*V))
}

func (s *keyValueStore[K, V]) Keep(key, value any, timestamp int64) error {
	if value == nil {
		return s.Delete(*key.(*K), timestamp)
	}
	return s.Put(*key.(*K), *value.(*V), timestamp)
}

//go:noinline
func (s *keyValueStore[K, V]) Due(show func(key, value any, timestamp int64) (bool, error)) func(int64) error {
	var row Row[K, V]
	each := func(r Row[K, V]) (bool, error) {
		row = r
		return show(&row.Key, &row.Value, row.Timestamp)
	}
	return func(timestamp int64) error { return s.UntilEach(timestamp, each) }
}

// load copies the value of a row.
func (c *column[V]) load(key []byte, value *V) (timestamp int64, ok bool, err error) {
	id, timestamp, ok, err := c.rows.Get(key)
	if ok {
		*value = *c.at(id)
	}
	return timestamp, ok, err
}

func (s *windowStore[K, V]) NewKey() any      { return new(K) }
func (s *windowStore[K, V]) NewValue() any    { return new(V) }
func (s *windowStore[K, V]) NewWindowed() any { return new(window.Windowed[K]) }

func (s *windowStore[K, V]) SetWindowed(windowed, key any, at window.Window) {
	setWindowed[K](windowed, key, at)
}

func setWindowed[K any](windowed, key any, at window.Window) {
	*windowed.(*window.Windowed[K]) = window.Windowed[K]{Key: *key.(*K), Window: at}
}

func (s *windowStore[K, V]) Load(key any, at window.Window, value any) (timestamp int64, ok bool, err error) {
	if at.Start < s.core.oldest() {
		return 0, false, nil
	}
	b, err := s.key(*key.(*K), at.Start)
	if err != nil {
		return 0, false, err
	}
	return s.column.load(b, value.(*V))
}

func (s *windowStore[K, V]) LoadWindowed(windowed, value any) (timestamp int64, ok bool, err error) {
	w := windowed.(*window.Windowed[K])
	return s.Load(&w.Key, w.Window, value)
}

func (s *windowStore[K, V]) Keep(key any, at window.Window, value any, timestamp int64) error {
	if value == nil {
		return s.Delete(*key.(*K), at.Start, timestamp)
	}
	return s.Put(*key.(*K), at.Start, *value.(*V), timestamp)
}

func (s *windowStore[K, V]) Finder() rows.Finder { return &windowFinder[K, V]{store: s} }

type windowFinder[K, V any] struct {
	store *windowStore[K, V]
	found []WindowRow[K, V]
}

func (f *windowFinder[K, V]) Find(key any, from, to int64) (err error) {
	f.found, err = f.store.Collect(f.found[:0], *key.(*K), from, to)
	return err
}

func (f *windowFinder[K, V]) Len() int { return len(f.found) }

func (f *windowFinder[K, V]) At(i int) (at window.Window, value any, timestamp int64) {
	row := &f.found[i]
	return window.Window{Start: row.Start}, &row.Value, row.Timestamp
}

//go:noinline
func (s *windowStore[K, V]) Sweeping(
	show func(key any, at window.Window, value any, timestamp int64) error,
) func(from, to int64) error {
	var row WindowRow[K, V]
	each := func(r WindowRow[K, V]) (bool, error) {
		row = r
		return true, show(&row.Key, window.Window{Start: row.Start}, &row.Value, row.Timestamp)
	}
	return func(from, to int64) error { return s.SweepEach(from, to, each) }
}

func (s *sessionStore[K, V]) NewKey() any      { return new(K) }
func (s *sessionStore[K, V]) NewValue() any    { return new(V) }
func (s *sessionStore[K, V]) NewWindowed() any { return new(window.Windowed[K]) }

func (s *sessionStore[K, V]) SetWindowed(windowed, key any, at window.Window) {
	setWindowed[K](windowed, key, at)
}

func (s *sessionStore[K, V]) Load(key any, at window.Window, value any) (timestamp int64, ok bool, err error) {
	if at.End < s.core.oldest() {
		return 0, false, nil
	}
	b, err := s.key(*key.(*K), at.Start, at.End)
	if err != nil {
		return 0, false, err
	}
	return s.column.load(b, value.(*V))
}

func (s *sessionStore[K, V]) LoadWindowed(windowed, value any) (timestamp int64, ok bool, err error) {
	w := windowed.(*window.Windowed[K])
	return s.Load(&w.Key, w.Window, value)
}

func (s *sessionStore[K, V]) Keep(key any, at window.Window, value any, timestamp int64) error {
	if value == nil {
		return s.Delete(*key.(*K), at.Start, at.End, timestamp)
	}
	return s.Put(*key.(*K), at.Start, at.End, *value.(*V), timestamp)
}

func (s *sessionStore[K, V]) Finder() rows.Finder { return &sessionFinder[K, V]{store: s} }

type sessionFinder[K, V any] struct {
	store *sessionStore[K, V]
	found []SessionRow[K, V]
}

func (f *sessionFinder[K, V]) Find(key any, from, to int64) (err error) {
	f.found, err = f.store.Collect(f.found[:0], *key.(*K), from, to)
	return err
}

func (f *sessionFinder[K, V]) Len() int { return len(f.found) }

func (f *sessionFinder[K, V]) At(i int) (at window.Window, value any, timestamp int64) {
	row := &f.found[i]
	return window.Window{Start: row.Start, End: row.End}, &row.Value, row.Timestamp
}

//go:noinline
func (s *sessionStore[K, V]) Sweeping(
	show func(key any, at window.Window, value any, timestamp int64) error,
) func(from, to int64) error {
	var row SessionRow[K, V]
	each := func(r SessionRow[K, V]) (bool, error) {
		row = r
		return true, show(&row.Key, window.Window{Start: row.Start, End: row.End}, &row.Value, row.Timestamp)
	}
	return func(from, to int64) error { return s.SweepEach(from, to, each) }
}

func (s *versionedStore[K, V]) NewKey() any   { return new(K) }
func (s *versionedStore[K, V]) NewValue() any { return new(V) }

func (s *versionedStore[K, V]) AsOfInto(key any, at int64, value any) (timestamp int64, ok bool, err error) {
	v, timestamp, ok, err := s.AsOf(*key.(*K), at)
	if ok {
		*value.(*V) = v
	}
	return timestamp, ok, err
}

func (s *versionedStore[K, V]) Enter(key, value any, timestamp int64) (stored, newest bool, err error) {
	if value == nil {
		return s.Delete(*key.(*K), timestamp)
	}
	return s.Put(*key.(*K), *value.(*V), timestamp)
}
