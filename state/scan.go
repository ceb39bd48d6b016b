package state

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tidwall/btree"

	"github.com/millstream-go/millstream/internal/store"
)

// scan walks rows in key order. It is live: each step finds the next row of the present state, writes made since the
// scan began included, so that what it shows does not depend on when the last commit was.
//
// The database does not change during a scan, since commits happen between records only; what has changed since is in
// the order of dirty rows, and an entry there hides the database's row of the same key. Where the order is whole there
// is no need for the database. That may end during a scan, when rows in memory are dropped.
type scan[V any] struct {
	rows         *rows[V]
	lower, upper []byte // the scan's own
	unbounded    bool   // there is no upper
	reverse      bool
	err          error

	db    store.Iterator // nil while the order is whole
	dbRow bool           // db stands on a row that has not been passed

	order   *order
	changes uint64 // of the order, when it was set
	it      btree.IterG[ranked]
	itRow   bool   // it stands on a row
	last    []byte // key of the last row shown; nil before the first

	key       []byte
	value     V
	timestamp int64
}

// scan starts a scan of the rows with lower <= key < upper. The caller closes it.
func (r *rows[V]) scan(lower, upper []byte, reverse bool) *scan[V] {
	var s *scan[V]
	if n := len(r.idle); n > 0 {
		s, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		s = &scan[V]{rows: r}
	}
	s.lower, s.upper = append(s.lower[:0], lower...), append(s.upper[:0], upper...)
	s.unbounded, s.reverse = upper == nil, reverse
	return s
}

// next moves to the next row; false at the end, or on an error, which close returns.
func (s *scan[V]) next() bool {
	for s.err == nil {
		id := s.ahead()
		s.skipPassed()
		switch {
		case s.err != nil || id < 0 && !s.dbRow:
			return false
		case id < 0 || s.dbRow && s.before(s.db.Key(), s.it.Item().key):
			return s.showDB()
		}
		e := s.rows.young.entry(id)
		s.last = s.it.Item().key
		if s.err = s.rows.unchanged(id); s.err != nil {
			return false
		}
		if e.there {
			s.key, s.value, s.timestamp = s.last, e.value, e.timestamp
			return true
		}
	}
	return false
}

// ahead is the id of the next row of the order, -1 if there is none in range. The iterator stands on it.
func (s *scan[V]) ahead() int {
	if o := s.rows.ordered(); o != s.order {
		s.follow(o)
	}
	switch {
	case s.changes != s.order.changes:
		s.changes = s.order.changes
		s.itRow = s.seek()
	case s.itRow && s.last != nil && bytes.Equal(s.it.Item().key, s.last):
		s.itRow = s.step()
	}
	if !s.itRow || s.outside(s.it.Item().key) {
		return -1
	}
	return s.it.Item().id
}

// follow turns to another order.
func (s *scan[V]) follow(o *order) {
	s.order, s.changes = o, o.changes-1
	s.it.Init(o.tree, false)
	if o.whole || s.db != nil {
		return
	}
	upper := s.upper
	if s.unbounded {
		upper = nil
	}
	if s.db, s.err = s.rows.engine.Scan(s.lower, upper, s.reverse); s.err == nil {
		s.dbRow = s.db.Next()
	}
}

// seek puts the iterator on the first row behind the last one shown.
func (s *scan[V]) seek() bool {
	switch {
	case !s.reverse && s.last == nil:
		return s.it.Seek(ranked{key: s.lower})
	case !s.reverse:
		return s.it.Seek(ranked{key: s.last}) && (!bytes.Equal(s.it.Item().key, s.last) || s.it.Next())
	case s.last != nil:
		return s.seekBefore(s.last)
	case s.unbounded:
		return s.it.Last()
	}
	return s.seekBefore(s.upper)
}

func (s *scan[V]) seekBefore(key []byte) bool {
	if s.it.Seek(ranked{key: key}) {
		return s.it.Prev()
	}
	return s.it.Last()
}

func (s *scan[V]) step() bool {
	if s.reverse {
		return s.it.Prev()
	}
	return s.it.Next()
}

func (s *scan[V]) outside(key []byte) bool {
	if s.reverse {
		return bytes.Compare(key, s.lower) < 0
	}
	return !s.unbounded && bytes.Compare(key, s.upper) >= 0
}

// skipPassed moves the database's iterator behind the last row shown.
func (s *scan[V]) skipPassed() {
	for s.dbRow && s.last != nil && !s.before(s.last, s.db.Key()) {
		s.dbRow = s.db.Next()
	}
}

// before is true if a comes before b in the scan's direction.
func (s *scan[V]) before(a, b []byte) bool {
	if s.reverse {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}

func (s *scan[V]) showDB() bool {
	s.last = bytes.Clone(s.db.Key()) // a reader may keep it
	s.key = s.last
	if s.value, s.timestamp, s.err = s.rows.decode(s.db.Value()); s.err != nil {
		return false
	}
	s.value = s.rows.clone(s.value)
	return true
}

// close ends the scan and returns the first error.
func (s *scan[V]) close() error {
	err := s.err
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if err != nil {
		err = fmt.Errorf("state: store %s: %w", s.rows.name, err)
	}
	s.it.Release()
	it := s.it
	*s = scan[V]{rows: s.rows, lower: s.lower, upper: s.upper, it: it}
	s.rows.idle = append(s.rows.idle, s)
	return err
}
