package rows

import (
	"bytes"

	"github.com/tidwall/btree"
)

// tree is rows in memory by key. It is whole if these are all rows that there are, so that who follows it need not
// look into the database; else they are the dirty rows, deleted ones included, which hide those of the database.
type tree struct {
	rows    *btree.BTreeG[ranked]
	whole   bool
	changes uint64 // so far: what stood in the tree before one stands there no more
}

// order is a tree, out of the sight of those who hold Rows.
type order interface {
	set(key []byte, id int, in bool)
	isWhole() bool
	len() int
}

// ranked is the id of a row with its key, which lies in the table's arena.
type ranked struct {
	key []byte
	id  int
}

// rankedSize is about what a row takes of the tree.
const rankedSize = 48

func newTree(whole bool) *tree {
	before := func(a, b ranked) bool { return bytes.Compare(a.key, b.key) < 0 }
	return &tree{rows: btree.NewBTreeGOptions(before, btree.Options{NoLocks: true}), whole: whole}
}

// set enters a row, or takes it out.
func (o *tree) set(key []byte, id int, in bool) {
	o.changes++
	if in {
		o.rows.Set(ranked{key, id})
	} else {
		o.rows.Delete(ranked{key: key})
	}
}

func (o *tree) isWhole() bool { return o.whole }
func (o *tree) len() int      { return o.rows.Len() }

// orderSize is about what the order takes, in bytes.
func (r *Rows) orderSize() int64 {
	if r.order == nil {
		return 0
	}
	return int64(r.order.len()) * rankedSize
}

// ordered is the present order of the rows. It stays until the commit; a whole one until rows are dropped.
func ordered(r *Rows) *tree {
	if r.order != nil {
		return r.order.(*tree)
	}
	r.fill()
	o := newTree(r.complete && r.old.count == 0)
	r.order = o
	if !o.whole {
		for _, id := range r.dirty {
			o.set(r.young.key(id), id, true)
		}
		return o
	}
	for id := range r.young.count {
		if r.young.entry(id).there {
			o.set(r.young.key(id), id, true)
		}
	}
	return o
}

// reorder keeps the order right when a row has been written, or a write has been taken back.
func (r *Rows) reorder(id int, there, dirty bool) {
	switch e := r.young.entry(id); {
	case !r.order.isWhole():
		if e.dirty != dirty {
			r.order.set(r.young.key(id), id, e.dirty)
		}
	case e.there != there:
		r.order.set(r.young.key(id), id, e.there)
	}
}

// fill reads the rows of the database into memory, once, if they take less than half of what memory there is: the scans
// of a store that was opened anew then cost no more than before.
func (r *Rows) fill() {
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
		all = r.budget.Used() <= r.budget.Limit()/2 && r.enter(it.Key(), it.Value())
	}
	r.complete = it.Close() == nil && all
}

// enter enters a row of the database, unless memory has it; false if it is damaged.
func (r *Rows) enter(key, row []byte) bool {
	hash := hashKey(key)
	if r.young.find(key, hash) >= 0 {
		return true
	}
	r.makeRoom()
	timestamp, value, err := r.split(row)
	if err != nil || r.column.Decode(r.young.count, value) != nil {
		return false
	}
	r.insert(key, hash, timestamp, true)
	return true
}

// expire forgets the rows below a key, which the commit removes from the database.
func (r *Rows) expire(upper []byte) {
	if r.order == nil || !r.order.isWhole() {
		return
	}
	o := r.order.(*tree)
	for {
		first, ok := o.rows.Min()
		if !ok || bytes.Compare(first.key, upper) >= 0 {
			return
		}
		o.changes++
		o.rows.PopMin()
		r.column.Clear(first.id)
		r.young.entry(first.id).there = false
	}
}

// compact makes a table of the rows that are in the order.
func (r *Rows) compact() {
	from, compacted := r.young, newTree(true)
	r.young = &table{}
	r.column.Age()
	r.order.(*tree).rows.Scan(func(at ranked) bool {
		if r.young.full() {
			r.grow()
		}
		id := r.insert(at.key, hashKey(at.key), from.entry(at.id).timestamp, true)
		r.column.Carry(at.id, id)
		compacted.rows.Load(ranked{r.young.key(id), id})
		return true
	})
	r.column.DropOld()
	r.order = compacted
	r.watch.reset()
}
