package store

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
)

type row struct{ key, value []byte }

// memory is an engine without files.
type memory struct {
	mu struct {
		sync.RWMutex
		rows *btree.BTreeG[row]
		view *btree.BTreeG[row] // a copy of the rows, as of the last commit; nil: nobody has asked for it since
	}
}

// OpenMemory is an empty engine in memory. Close keeps its rows, as files would be kept: it can be used again.
func OpenMemory() Engine {
	m := &memory{}
	byKey := func(a, b row) bool { return bytes.Compare(a.key, b.key) < 0 }
	m.mu.rows = btree.NewBTreeGOptions(byKey, btree.Options{NoLocks: true})
	return m
}

func (m *memory) Get(dst, key []byte) ([]byte, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.mu.rows.Get(row{key: key})
	return append(dst, r.value...), ok, nil
}

func (m *memory) Scan(lower, upper []byte, reverse bool) (Iterator, error) {
	m.mu.Lock() // Copy marks the nodes of the original as shared
	defer m.mu.Unlock()
	return iterate(m.mu.rows.Copy(), lower, upper, reverse), nil
}

func iterate(rows *btree.BTreeG[row], lower, upper []byte, reverse bool) *memoryIterator {
	it := &memoryIterator{it: rows.Iter(), reverse: reverse}
	it.lower, it.upper = bytes.Clone(lower), bytes.Clone(upper)
	return it
}

// View is a copy of the rows, which shares with them what no later commit changes.
func (m *memory) View() (View, error) {
	m.mu.RLock()
	rows := m.mu.view
	m.mu.RUnlock()
	if rows != nil {
		return &memoryView{rows: rows}, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.view == nil {
		m.mu.view = m.mu.rows.Copy()
	}
	return &memoryView{rows: m.mu.view}, nil
}

// memoryView outlives its engine. Nothing ever changes the rows.
type memoryView struct {
	rows *btree.BTreeG[row]
	over atomic.Bool
}

func (v *memoryView) Get(dst, key []byte) ([]byte, bool, error) {
	if v.over.Load() {
		return dst, false, ErrClosed
	}
	r, ok := v.rows.Get(row{key: key})
	return append(dst, r.value...), ok, nil
}

func (v *memoryView) Scan(lower, upper []byte, reverse bool) (Iterator, error) {
	if v.over.Load() {
		return nil, ErrClosed
	}
	return iterate(v.rows, lower, upper, reverse), nil
}

func (v *memoryView) Close() { v.over.Store(true) }

func (m *memory) NewBatch() Batch { return &memoryBatch{engine: m} }

func (m *memory) Close() error { return nil }

type memoryIterator struct {
	it           btree.IterG[row]
	lower, upper []byte
	reverse      bool
	started      bool
}

func (i *memoryIterator) Next() bool {
	if i.reverse {
		return i.back() && bytes.Compare(i.it.Item().key, i.lower) >= 0
	}
	ok := i.started && i.it.Next() || !i.started && i.it.Seek(row{key: i.lower})
	i.started = true
	return ok && (i.upper == nil || bytes.Compare(i.it.Item().key, i.upper) < 0)
}

func (i *memoryIterator) back() bool {
	if i.started {
		return i.it.Prev()
	}
	i.started = true
	if i.upper != nil && i.it.Seek(row{key: i.upper}) {
		return i.it.Prev()
	}
	return i.it.Last()
}

func (i *memoryIterator) Key() []byte   { return i.it.Item().key }
func (i *memoryIterator) Value() []byte { return i.it.Item().value }

func (i *memoryIterator) Close() error {
	i.it.Release()
	return nil
}

type memoryBatch struct {
	engine  *memory
	changes []change
	bytes   int
	closed  bool
}

// change is one change of a batch: a row with its key and value, a delete of the row, or of those up to a key.
type change struct {
	row
	kind changeKind
}

type changeKind int

const (
	setRow changeKind = iota
	deleteRow
	deleteRows // key is the lower bound, value the upper
)

func (b *memoryBatch) Set(key, value []byte) error { return b.add(key, value, setRow) }

func (b *memoryBatch) Delete(key []byte) error { return b.add(key, nil, deleteRow) }

func (b *memoryBatch) DeleteRange(lower, upper []byte) error { return b.add(lower, upper, deleteRows) }

func (b *memoryBatch) add(key, value []byte, kind changeKind) error {
	switch {
	case len(key) == 0 && kind != deleteRows:
		return errEmptyKey
	case b.closed:
		return errBatchClosed
	}
	both := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
	b.changes = append(b.changes, change{row{both[:len(key):len(key)], both[len(key):]}, kind})
	b.bytes += 1 + len(both)
	return nil
}

func (c *change) apply(rows *btree.BTreeG[row]) {
	switch c.kind {
	case setRow:
		rows.Set(c.row)
	case deleteRow:
		rows.Delete(c.row)
	case deleteRows:
		var gone []row
		rows.Ascend(c.row, func(r row) bool {
			if bytes.Compare(r.key, c.value) >= 0 {
				return false
			}
			gone = append(gone, r)
			return true
		})
		for _, r := range gone {
			rows.Delete(r)
		}
	}
}

func (b *memoryBatch) Len() int { return b.bytes }

func (b *memoryBatch) Commit() error {
	if b.closed {
		return errBatchClosed
	}
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	for i := range b.changes {
		b.changes[i].apply(b.engine.mu.rows)
	}
	b.engine.mu.view = nil
	return b.Close()
}

func (b *memoryBatch) Close() error {
	b.changes, b.bytes, b.closed = nil, 0, true
	return nil
}
