package rows

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tidwall/btree"

	"github.com/millstream-go/millstream/internal/store"
)

// scan is a Walk in key order. It is live: each step finds the next row of the present state, writes made since the
// scan began included, so that what it shows does not depend on when the last commit was.
//
// The database does not change during a scan, since commits happen between records only; what has changed since is in
// the order of dirty rows, and an entry there hides the database's row of the same key. Where the order is whole there
// is no need for the database. That may end during a scan, when rows in memory are dropped.
type scan struct {
	rows         *Rows
	lower, upper []byte // the scan's own
	unbounded    bool   // there is no upper
	reverse      bool
	err          error

	db    store.Iterator // nil while the order is whole
	dbRow bool           // db stands on a row that has not been passed

	order   *tree
	changes uint64 // of the order, when it was set
	it      btree.IterG[ranked]
	itRow   bool   // it stands on a row
	last    []byte // key of the last row shown; nil before the first

	at At
}

// Walk is a walk over rows.
type Walk interface {
	// Next moves to the next row; false at the end, or on an error, which Close returns.
	Next() bool
	// At is the present row.
	At() *At
	// Close ends the walk and returns the first error.
	Close() error
}

// At is where a walk stands: on a row in memory, whose value is in the column, or in the database.
type At struct {
	Key       []byte // with the prefix. It may be kept
	ID        int    // of the row in memory, -1 if it is not there
	Encoded   []byte // value of a row of the database, valid until the walk goes on
	Timestamp int64
}

// Each shows the rows with lower <= key < upper to fn until that returns false or an error.
func (r *Rows) Each(lower, upper []byte, reverse bool, fn func(at *At) (bool, error)) (err error) {
	s := newScan(r, lower, upper, reverse)
	defer func() { // also when fn panics: the database does not close with an iterator open
		if failed := s.Close(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	for s.Next() {
		if more, err := fn(&s.at); !more || err != nil {
			return err
		}
	}
	return nil
}

// Walk starts a walk over the rows with lower <= key < upper. The caller closes it.
func (r *Rows) Walk(lower, upper []byte, reverse bool) Walk { return newScan(r, lower, upper, reverse) }

func newScan(r *Rows, lower, upper []byte, reverse bool) *scan {
	var s *scan
	if n := len(r.idle); n > 0 {
		s, r.idle = r.idle[n-1].(*scan), r.idle[:n-1]
	} else {
		s = &scan{rows: r}
	}
	s.lower, s.upper = append(s.lower[:0], lower...), append(s.upper[:0], upper...)
	s.unbounded, s.reverse = upper == nil, reverse
	return s
}

func (s *scan) At() *At { return &s.at }

func (s *scan) Next() bool {
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
		if s.rows.watch != nil {
			if s.err = s.rows.unchanged(id); s.err != nil {
				return false
			}
		}
		if e.there {
			s.at = At{Key: s.last, ID: id, Timestamp: e.timestamp}
			return true
		}
	}
	return false
}

// ahead is the id of the next row of the order, -1 if there is none in range. The iterator stands on it.
func (s *scan) ahead() int {
	if o := ordered(s.rows); o != s.order {
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
func (s *scan) follow(o *tree) {
	s.order, s.changes = o, o.changes-1
	s.it.Init(o.rows, false)
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
func (s *scan) seek() bool {
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

func (s *scan) seekBefore(key []byte) bool {
	if s.it.Seek(ranked{key: key}) {
		return s.it.Prev()
	}
	return s.it.Last()
}

func (s *scan) step() bool {
	if s.reverse {
		return s.it.Prev()
	}
	return s.it.Next()
}

func (s *scan) outside(key []byte) bool {
	if s.reverse {
		return bytes.Compare(key, s.lower) < 0
	}
	return !s.unbounded && bytes.Compare(key, s.upper) >= 0
}

// skipPassed moves the database's iterator behind the last row shown.
func (s *scan) skipPassed() {
	for s.dbRow && s.last != nil && !s.before(s.last, s.db.Key()) {
		s.dbRow = s.db.Next()
	}
}

// before is true if a comes before b in the scan's direction.
func (s *scan) before(a, b []byte) bool {
	if s.reverse {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}

func (s *scan) showDB() bool {
	s.last = bytes.Clone(s.db.Key()) // a reader may keep it
	s.at = At{Key: s.last, ID: -1}
	s.at.Timestamp, s.at.Encoded, s.err = s.rows.split(s.db.Value())
	return s.err == nil
}

func (s *scan) Close() error {
	err := s.err
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if err != nil {
		err = fmt.Errorf("state: store %s: %w", s.rows.name, err)
	}
	s.it.Release()
	it := s.it
	*s = scan{rows: s.rows, lower: s.lower, upper: s.upper, it: it}
	s.rows.idle = append(s.rows.idle, s)
	return err
}
