package rows

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// table is a hash table of encoded keys, made for millions of rows: keys lie in an arena and entries in chunks, so that
// they cost the garbage collector nothing, and an insert allocates only when a chunk is full. Entries are never
// removed; the whole table is dropped instead. An entry's id stays valid for the life of the table.
type table struct {
	slots   []uint64 // hash in the upper half, id+1 in the lower; 0 is free
	entries []*[Chunk]entry
	count   int
	keys    [][]byte
	size    int64 // bytes
}

// entry is what is known of a row but its value.
type entry struct {
	timestamp int64
	chunk     uint32 // of the key: arena chunk, offset, length
	offset    uint32
	length    uint32
	there     bool // false: known to have no row
	dirty     bool // written since the last commit
}

const (
	keyChunk   = 16 << 10
	firstSlots = 64
)

var hashSeed = maphash.MakeSeed()

func hashKey(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key) >> 32) }

// find is the id of key, -1 if the table does not have it.
func (t *table) find(key []byte, hash uint32) int {
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

// full is true if there is no room for another entry.
func (t *table) full() bool { return t.count == Chunk*len(t.entries) }

// grow makes room for a chunk of entries.
func (t *table) grow() {
	t.entries = append(t.entries, new([Chunk]entry))
	t.size += Chunk * int64(unsafe.Sizeof(entry{}))
}

// insert adds a key that the table does not have, and has room for, and returns its id.
func (t *table) insert(key []byte, hash uint32) int {
	if (t.count+1)*4 > len(t.slots)*3 {
		t.rehash()
	}
	id := t.count
	t.count++
	e := t.entry(id)
	e.chunk, e.offset, e.length = t.keep(key)
	t.place(hash, id)
	return id
}

func (t *table) place(hash uint32, id int) {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = uint64(hash)<<32 | uint64(id+1)
}

func (t *table) rehash() {
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
func (t *table) keep(key []byte) (chunk, offset, length uint32) {
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

func (t *table) entry(id int) *entry { return &t.entries[uint(id)/Chunk][uint(id)%Chunk] }

// key is valid, and must not be changed, for the life of the table.
func (t *table) key(id int) []byte {
	e := t.entry(id)
	return t.keys[e.chunk][e.offset : e.offset+e.length : e.offset+e.length]
}
