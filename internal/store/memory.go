package store

import (
	"bytes"
	"sync"

	"github.com/tidwall/btree"
)

type row struct{ key, value []byte }

// memory is an engine without files.
type memory struct {
	mu struct {
		sync.RWMutex
		rows *btree.BTreeG[row]
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
	it := &memoryIterator{it: m.mu.rows.Copy().Iter(), reverse: reverse}
	it.lower, it.upper = bytes.Clone(lower), bytes.Clone(upper)
	return it, nil
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
	bytes   int
	closed  bool
}

func (b *memoryBatch) Set(key, value []byte) error {
	if len(key) == 0 {
		return errEmptyKey
	}
	r := row{bytes.Clone(key), bytes.Clone(value)}
	return b.add(len(key)+len(value), func(rows *btree.BTreeG[row]) { rows.Set(r) })
}

func (b *memoryBatch) Delete(key []byte) error {
	if len(key) == 0 {
		return errEmptyKey
	}
	r := row{key: bytes.Clone(key)}
	return b.add(len(key), func(rows *btree.BTreeG[row]) { rows.Delete(r) })
}

func (b *memoryBatch) DeleteRange(lower, upper []byte) error {
	lower, upper = bytes.Clone(lower), bytes.Clone(upper)
	return b.add(len(lower)+len(upper), func(rows *btree.BTreeG[row]) {
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
}

func (b *memoryBatch) add(bytes int, change func(rows *btree.BTreeG[row])) error {
	if b.closed {
		return errBatchClosed
	}
	b.changes = append(b.changes, change)
	b.bytes += 1 + bytes
	return nil
}

func (b *memoryBatch) Len() int { return b.bytes }

func (b *memoryBatch) Commit() error {
	if b.closed {
		return errBatchClosed
	}
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	for _, change := range b.changes {
		change(b.engine.mu.rows)
	}
	return b.Close()
}

func (b *memoryBatch) Close() error {
	b.changes, b.bytes, b.closed = nil, 0, true
	return nil
}
