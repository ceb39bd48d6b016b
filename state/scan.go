package state

import (
	"bytes"
	"fmt"

	"github.com/tidwall/btree"

	"github.com/millstream-go/millstream/internal/store"
)

// scan walks rows in key order. It is live: each step finds the next row of the present state, writes made since the
// scan began included, so that what it shows does not depend on when the last commit was.
//
// The database does not change during a scan, since commits happen between records only; what has changed since is in
// the index of dirty rows, and an entry there hides the database's row of the same key.
type scan[V any] struct {
	rows         *rows[V]
	lower, upper []byte
	reverse      bool
	db           store.Iterator
	dbRow        bool   // db stands on a row that has not been passed
	last         []byte // key of the last row shown; nil before the first

	key       []byte
	value     V
	timestamp int64
}

// scan starts a scan of the rows with lower <= key < upper. The caller closes it.
func (r *rows[V]) scan(lower, upper []byte, reverse bool) (*scan[V], error) {
	db, err := r.engine.Scan(lower, upper, reverse)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: %w", r.name, err)
	}
	r.buildIndex()
	s := &scan[V]{rows: r, lower: lower, upper: upper, reverse: reverse, db: db}
	s.dbRow = db.Next()
	return s, nil
}

func (r *rows[V]) buildIndex() {
	if r.index != nil {
		return
	}
	r.index = btree.NewBTreeGOptions(func(a, b int) bool {
		return bytes.Compare(r.indexKey(a), r.indexKey(b)) < 0
	}, btree.Options{NoLocks: true})
	for _, id := range r.dirty {
		r.index.Set(id)
	}
}

func (r *rows[V]) indexKey(id int) []byte {
	if id < 0 {
		return r.pivot
	}
	return r.young.key(id)
}

// next moves to the next row; false at the end, or on an error, which close returns.
func (s *scan[V]) next() bool {
	for {
		id := s.nextDirty()
		s.skipPassed()
		switch {
		case id < 0 && !s.dbRow:
			return false
		case id < 0 || s.dbRow && s.before(s.db.Key(), s.rows.young.key(id)):
			return s.showDB()
		}
		e := s.rows.young.entry(id)
		s.last = s.rows.young.key(id)
		if e.there {
			s.key, s.value, s.timestamp = s.last, e.value, e.timestamp
			return true
		}
	}
}

// nextDirty is the dirty row that follows the last row shown, -1 if there is none in range.
func (s *scan[V]) nextDirty() int {
	r, found := s.rows, -1
	take := func(id int) bool {
		if s.last != nil && bytes.Equal(r.young.key(id), s.last) {
			return true
		}
		found = id
		return false
	}
	if s.reverse {
		if r.pivot = s.upper; s.last != nil {
			r.pivot = s.last
		}
		if s.last == nil && s.upper == nil {
			r.index.Reverse(take)
		} else {
			r.index.Descend(-1, func(id int) bool {
				return s.last == nil && bytes.Equal(r.young.key(id), s.upper) || take(id)
			})
		}
	} else {
		if r.pivot = s.lower; s.last != nil {
			r.pivot = s.last
		}
		r.index.Ascend(-1, take)
	}
	if found >= 0 && s.outside(r.young.key(found)) {
		return -1
	}
	return found
}

func (s *scan[V]) outside(key []byte) bool {
	if s.reverse {
		return bytes.Compare(key, s.lower) < 0
	}
	return s.upper != nil && bytes.Compare(key, s.upper) >= 0
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
	s.last = append([]byte(nil), s.db.Key()...)
	s.key = s.last
	var err error
	if s.value, s.timestamp, err = s.rows.decode(s.db.Value()); err != nil {
		s.db = failed{s.db, err}
		return false
	}
	s.value = s.rows.clone(s.value)
	return true
}

// failed is an iterator that ended with an error of its reader's.
type failed struct {
	store.Iterator
	err error
}

func (f failed) Close() error {
	f.Iterator.Close()
	return f.err
}

// close ends the scan and returns the first error.
func (s *scan[V]) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("state: store %s: %w", s.rows.name, err)
	}
	return nil
}
