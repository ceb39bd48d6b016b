package state

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// table is a hash table from encoded keys to decoded values, made for millions of rows: keys lie in an arena and
// entries in chunks, so that a table of values without pointers costs the garbage collector nothing, and an insert
// allocates only when a chunk is full. Entries are never removed; the whole table is dropped instead. An entry's id
// stays valid for the life of the table.
type table[V any] struct {
	slots   []uint64 // hash in the upper half, id+1 in the lower; 0 is free
	entries [][]entry[V]
	count   int
	keys    [][]byte
	size    int64 // bytes
}

type entry[V any] struct {
	value     V
	timestamp int64
	chunk     uint32 // of the key: arena chunk, offset, length
	offset    uint32
	length    uint32
	there     bool // false: known to have no row
	dirty     bool // written since the last commit
}

const (
	entryChunk = 256
	keyChunk   = 16 << 10
	firstSlots = 64
)

var hashSeed = maphash.MakeSeed()

func hashKey(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key) >> 32) }

// find is the id of key, -1 if the table does not have it.
func (t *table[V]) find(key []byte, hash uint32) int {
	if t.count == 0 {
		return -1
	}
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		slot := t.slots[i]
		if slot == 0 {
			return -1
		}
		if uint32(slot>>32) == hash {
			if id := int(uint32(slot)) - 1; bytes.Equal(t.key(id), key) {
				return id
			}
		}
	}
}

// insert adds a key that the table does not have and returns its id.
func (t *table[V]) insert(key []byte, hash uint32) int {
	if (t.count+1)*4 > len(t.slots)*3 {
		t.grow()
	}
	id := t.count
	t.count++
	if id%entryChunk == 0 {
		t.entries = append(t.entries, make([]entry[V], entryChunk))
		t.size += entryChunk * int64(unsafe.Sizeof(entry[V]{}))
	}
	e := t.entry(id)
	e.chunk, e.offset, e.length = t.keep(key)
	t.place(hash, id)
	return id
}

func (t *table[V]) place(hash uint32, id int) {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = uint64(hash)<<32 | uint64(id+1)
}

func (t *table[V]) grow() {
	old := t.slots
	t.slots = make([]uint64, max(firstSlots, 2*len(old)))
	t.size += 8 * int64(len(t.slots)-len(old))
	for _, slot := range old {
		if slot != 0 {
			t.place(uint32(slot>>32), int(uint32(slot))-1)
		}
	}
}

// keep copies a key into the arena.
func (t *table[V]) keep(key []byte) (chunk, offset, length uint32) {
	last := len(t.keys) - 1
	if last < 0 || cap(t.keys[last])-len(t.keys[last]) < len(key) {
		t.keys = append(t.keys, make([]byte, 0, max(keyChunk, len(key))))
		last++
		t.size += int64(cap(t.keys[last]))
	}
	at := len(t.keys[last])
	t.keys[last] = append(t.keys[last], key...)
	return uint32(last), uint32(at), uint32(len(key))
}

func (t *table[V]) entry(id int) *entry[V] { return &t.entries[id/entryChunk][id%entryChunk] }

// key is valid, and must not be changed, for the life of the table.
func (t *table[V]) key(id int) []byte {
	e := t.entry(id)
	return t.keys[e.chunk][e.offset : e.offset+e.length : e.offset+e.length]
}
