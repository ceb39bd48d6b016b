package wire

import (
	"encoding/binary"

	"github.com/twmb/murmur3"
)

const (
	hashSeed = 104729 // of Kafka's Murmur3
	hashNull = 0x80   // in the byte of the version: there is no hash
)

// Hash tells whether the left row of a foreign-key join is still the one that a response was made for. Hashes compare
// with ==; the zero Hash is the null one, that of a row that is not there.
type Hash struct {
	sum   [16]byte
	there bool
}

// HashOf is the hash of the bytes of a left value, murmur3 of 128 bits; nil is a null value and has the null hash.
func HashOf(value []byte) Hash {
	if value == nil {
		return Hash{}
	}
	h := Hash{there: true}
	h1, h2 := murmur3.SeedSum128(hashSeed, hashSeed, value)
	binary.BigEndian.PutUint64(h.sum[:8], h1)
	binary.BigEndian.PutUint64(h.sum[8:], h2)
	return h
}

// Null is true for the hash of no value.
func (h Hash) Null() bool { return !h.there }

// versioned is the first byte of what holds the hash.
func (h Hash) versioned(version byte) byte {
	if h.Null() {
		return version | hashNull
	}
	return version
}

// append is nothing for the null hash.
func (h Hash) append(dst []byte) []byte {
	if h.Null() {
		return dst
	}
	return append(dst, h.sum[:]...)
}

// hash reads the hash that the first byte, which has been read, announces.
func (r *reader) hash(first byte) (h Hash) {
	if first&hashNull != 0 {
		return h
	}
	h.there = copy(h.sum[:], r.take(len(h.sum))) == len(h.sum)
	return h
}
