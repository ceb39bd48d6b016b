package state

import (
	"bytes"

	"github.com/tidwall/btree"
)

// order is rows in memory by key. It is whole if these are all rows that there are, so that who follows it need not
// look into the database; else they are the dirty rows, deleted ones included, which hide those of the database.
type order struct {
	tree    *btree.BTreeG[ranked]
	whole   bool
	changes uint64 // so far: what stood in the tree before one stands there no more
}

// ranked is the id of a row with its key, which lies in the table's arena.
type ranked struct {
	key []byte
	id  int
}

// rankedSize is about what a row takes of the tree.
const rankedSize = 48

func newOrder(whole bool) *order {
	before := func(a, b ranked) bool { return bytes.Compare(a.key, b.key) < 0 }
	return &order{tree: btree.NewBTreeGOptions(before, btree.Options{NoLocks: true}), whole: whole}
}

// set enters a row, or takes it out.
func (o *order) set(key []byte, id int, in bool) {
	o.changes++
	if in {
		o.tree.Set(ranked{key, id})
	} else {
		o.tree.Delete(ranked{key: key})
	}
}

// size is about what the order takes, in bytes.
func (o *order) size() int64 {
	if o == nil {
		return 0
	}
	return int64(o.tree.Len()) * rankedSize
}

// ordered is the present order of the rows. It stays until the commit; a whole one until rows are dropped.
func (r *rows[V]) ordered() *order {
	if r.order != nil {
		return r.order
	}
	r.fill()
	r.order = newOrder(r.complete && r.old.count == 0)
	if !r.order.whole {
		for _, id := range r.dirty {
			r.order.set(r.young.key(id), id, true)
		}
		return r.order
	}
	for id := range r.young.count {
		if r.young.entry(id).there {
			r.order.set(r.young.key(id), id, true)
		}
	}
	return r.order
}

// reorder keeps the order right when a row has been written, or a write has been taken back.
func (r *rows[V]) reorder(id int, there, dirty bool) {
	switch e := r.young.entry(id); {
	case r.order == nil:
	case !r.order.whole:
		if e.dirty != dirty {
			r.order.set(r.young.key(id), id, e.dirty)
		}
	case e.there != there:
		r.order.set(r.young.key(id), id, e.there)
	}
}

// fill reads the rows of the database into memory, once, if they take less than half of what memory there is: the scans
// of a store that was opened anew then cost no more than before.
func (r *rows[V]) fill() {
	if r.complete || r.filled || r.old.count > 0 {
		return
	}
	r.filled = true
	it, err := r.engine.Scan(r.prefix, r.upper, false)
	if err != nil {
		return // whatever is wrong will show when a row is read
	}
	all := true
	for all && it.Next() {
		all = r.budget.Used() <= r.budget.Limit()/2 && r.take(it.Key(), it.Value())
	}
	r.complete = it.Close() == nil && all
}

// take enters a row of the database, unless memory has it; false if it is damaged.
func (r *rows[V]) take(key, row []byte) bool {
	hash := hashKey(key)
	if r.young.find(key, hash) >= 0 {
		return true
	}
	value, timestamp, err := r.decode(row)
	if err != nil {
		return false
	}
	_, e := r.insert(key, hash)
	e.value, e.timestamp, e.there = r.clone(value), timestamp, true
	return true
}

// expire forgets the rows below a key, which the commit removes from the database.
func (r *rows[V]) expire(upper []byte) {
	if r.order == nil || !r.order.whole {
		return
	}
	for {
		first, ok := r.order.tree.Min()
		if !ok || bytes.Compare(first.key, upper) >= 0 {
			return
		}
		r.order.changes++
		r.order.tree.PopMin()
		e := r.young.entry(first.id)
		var none V
		e.value, e.there = none, false
	}
}

// compact makes a table of the rows that are in the order.
func (r *rows[V]) compact() {
	from, to := r.young, &table[V]{}
	compacted := newOrder(true)
	r.order.tree.Scan(func(at ranked) bool {
		old := from.entry(at.id)
		id := to.insert(at.key, hashKey(at.key))
		e := to.entry(id)
		e.value, e.timestamp, e.there = old.value, old.timestamp, true
		compacted.tree.Load(ranked{to.key(id), id})
		return true
	})
	r.young, r.order = to, compacted
	r.watch.reset()
}
