package store

import (
	"bytes"
	"errors"

	"github.com/tidwall/btree"
)

type row struct{ key, value []byte }

// memory is an engine without files.
type memory struct {
	rows *btree.BTreeG[row]
}

// OpenMemory is an empty engine in memory.
func OpenMemory() Engine { return &memory{rows: newRows()} }

func newRows() *btree.BTreeG[row] {
	return btree.NewBTreeGOptions(func(a, b row) bool { return bytes.Compare(a.key, b.key) < 0 }, btree.Options{NoLocks: true})
}

func (m *memory) Get(dst, key []byte) ([]byte, bool, error) {
	r, ok := m.rows.Get(row{key: key})
	return append(dst, r.value...), ok, nil
}

func (m *memory) Scan(lower, upper []byte, reverse bool) (Iterator, error) {
	return &memoryIterator{it: m.rows.Copy().Iter(), lower: lower, upper: upper, reverse: reverse}, nil
}

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
	changes []func(rows *btree.BTreeG[row])
	closed  bool
}

func (b *memoryBatch) Set(key, value []byte) error {
	r := row{bytes.Clone(key), append([]byte{}, value...)}
	b.changes = append(b.changes, func(rows *btree.BTreeG[row]) { rows.Set(r) })
	return nil
}

func (b *memoryBatch) Delete(key []byte) error {
	r := row{key: bytes.Clone(key)}
	b.changes = append(b.changes, func(rows *btree.BTreeG[row]) { rows.Delete(r) })
	return nil
}

func (b *memoryBatch) DeleteRange(lower, upper []byte) error {
	lower, upper = bytes.Clone(lower), bytes.Clone(upper)
	b.changes = append(b.changes, func(rows *btree.BTreeG[row]) {
		var gone []row
		rows.Ascend(row{key: lower}, func(r row) bool {
			if bytes.Compare(r.key, upper) >= 0 {
				return false
			}
			gone = append(gone, r)
			return true
		})
		for _, r := range gone {
			rows.Delete(r)
		}
	})
	return nil
}

func (b *memoryBatch) Commit() error {
	if b.closed {
		return errors.New("store: batch is closed")
	}
	for _, change := range b.changes {
		change(b.engine.rows)
	}
	return b.Close()
}

func (b *memoryBatch) Close() error {
	b.changes, b.closed = nil, true
	return nil
}
