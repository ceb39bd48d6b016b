package wire

import (
	"encoding/binary"
	"fmt"
)

const nullLength = -1

// reader takes fields off the front of src. After the first that is damaged all others are zero, and err says why.
type reader struct {
	src []byte
	at  int
	err error
}

func (r *reader) left() int { return len(r.src) - r.at }

// fail keeps the first error.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// take is the next n bytes, a part of src that cannot grow into what follows.
func (r *reader) take(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("length %d at byte %d of %d", n, r.at, len(r.src))
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.src[r.at-n : r.at : r.at]
}

// rest is all that is left but the last n bytes.
func (r *reader) rest(n int) []byte { return r.take(r.left() - n) }

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// flag is a byte that is 0 or 1.
func (r *reader) flag() bool {
	b := r.byte()
	if b > 1 {
		r.fail("byte %d is %d, not 0 or 1", r.at-1, b)
	}
	return b == 1
}

// sized is an int32 length and as many bytes.
func (r *reader) sized() []byte { return r.take(int(r.int32())) }

// nullable is as sized, with length -1 for nil.
func (r *reader) nullable() []byte { return r.nullableOf(r.int32()) }

func (r *reader) nullableOf(length int32) []byte {
	if length == nullLength {
		return nil
	}
	return r.take(int(length))
}

// count is an int32 number of things of at least size bytes each, so that what is allocated for them is bounded by src.
func (r *reader) count(size int) int { return r.countOf(r.int32(), size) }

func (r *reader) countOf(number int32, size int) int {
	n := int(number)
	if n < 0 || n > r.left()/size {
		r.fail("%d entries in %d bytes", n, r.left())
	}
	if r.err != nil {
		return 0
	}
	return n
}

// end is the outcome of reading what, of which nothing may be left.
func (r *reader) end(what string) error {
	if r.left() > 0 {
		r.fail("%d bytes too many", r.left())
	}
	if r.err != nil {
		return fmt.Errorf("wire: %s: %w", what, r.err)
	}
	return nil
}

func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }
func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendFlag(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendSized[B []byte | string](dst []byte, b B) []byte {
	return append(appendInt32(dst, int32(len(b))), b...)
}

func appendNullable(dst, b []byte) []byte {
	if b == nil {
		return appendInt32(dst, nullLength)
	}
	return appendSized(dst, b)
}
