package rescale

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Digest tells two sets of rows apart, in whatever order and partitions they lie: their number, and the sum of their
// hashes.
type Digest struct {
	Rows int64  `json:"count"`
	A    uint64 `json:"a"`
	B    uint64 `json:"b"`
}

// String is the number of rows and the sum in hex.
func (d Digest) String() string { return fmt.Sprintf("%d rows, %016x%016x", d.Rows, d.A, d.B) }

// add enters a row.
func (d *Digest) add(r row) {
	sum := sha256.Sum256(r.encode())
	d.Rows++
	d.A += binary.BigEndian.Uint64(sum[:])
	d.B += binary.BigEndian.Uint64(sum[8:])
}

// plus is the digest of the rows of both.
func (d Digest) plus(o Digest) Digest { return Digest{d.Rows + o.Rows, d.A + o.A, d.B + o.B} }
