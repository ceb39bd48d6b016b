package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// List is a list of items, in the bytes of Kafka's ListSerializer (KIP-466): items whose size Kafka takes for fixed,
// the integers, floats and UUID, follow each other, all others have their length in front. Go's slices have no null
// items: bytes that hold one are an error.
func List[T any](item Serde[T]) Serde[[]T] { return list[T]{item} }

// The first byte says how items are told apart.
const (
	fixedSize    byte = iota // the number of nulls, their indexes, the number of items, those that are not null
	variableSize             // the number of items, each behind its length; a null has length -1
)

const nullItem = 0xffffffff

var errNullItem = errors.New("serde: list: an item is null, which a slice cannot hold")

type list[T any] struct{ item Serde[T] }

func (s list[T]) Format() string { return fmt.Sprintf("list(%s)", FormatOf(s.item)) }

// Parts is the serde of the items, see ShapesOf.
func (s list[T]) Parts() []any { return []any{s.item} }

// Err is what is wrong with the serde of the items.
func (s list[T]) Err() error { return ErrOf(s.item) }

// size is that of each item, 0 if they differ.
func (s list[T]) size() int {
	if f, ok := s.item.(interface{ fixed() int }); ok {
		return f.fixed()
	}
	return 0
}

func (s list[T]) Append(dst []byte, v []T) (_ []byte, err error) {
	if s.size() > 0 {
		dst = append(dst, fixedSize, 0, 0, 0, 0)
	} else {
		dst = append(dst, variableSize)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	for i, item := range v {
		at := len(dst)
		if s.size() == 0 {
			dst = append(dst, 0, 0, 0, 0)
		}
		if dst, err = s.item.Append(dst, item); err != nil {
			return dst, fmt.Errorf("serde: list: item %d: %w", i, err)
		}
		if s.size() == 0 {
			binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
	}
	return dst, nil
}

func (s list[T]) Decode(src []byte) ([]T, error) {
	r := listReader{rest: src}
	kind := r.byte()
	if kind == fixedSize && r.uint32() > 0 {
		r.fail(errNullItem)
	}
	size, count := s.size(), int(r.uint32())
	if want := kind == fixedSize; r.err == nil && want != (size > 0) || kind > variableSize {
		r.fail(fmt.Errorf("serde: list: kind %d does not fit items of format %s", kind, FormatOf(s.item)))
	}
	// Each item takes a byte at least, unless all are empty: the count of malformed bytes is not believed.
	v := make([]T, 0, min(count, len(r.rest)))
	for i := 0; i < count && r.err == nil; i++ {
		n := size
		if kind == variableSize {
			n = r.length()
		}
		b := r.take(n)
		if r.err != nil {
			break
		}
		item, err := s.item.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("serde: list: item %d: %w", i, err)
		}
		v = append(v, item)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(fmt.Errorf("serde: list: %d bytes left over behind the last item", len(r.rest)))
	}
	if r.err != nil {
		return nil, r.err
	}
	return v, nil
}

// Clone is for stores, which keep values longer than the bytes they came from.
func (s list[T]) Clone(v []T) []T {
	v = slices.Clone(v)
	if c, ok := s.item.(interface{ Clone(T) T }); ok {
		for i := range v {
			v[i] = c.Clone(v[i])
		}
	}
	return v
}

// listReader takes bytes from the front. After an error it gives zeros.
type listReader struct {
	rest []byte
	err  error
}

func (r *listReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *listReader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.rest)) {
		r.fail(fmt.Errorf("serde: list: needs %d bytes more, got %d", n, len(r.rest)))
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *listReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *listReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *listReader) length() int {
	n := r.uint32()
	if n == nullItem {
		r.fail(errNullItem)
	}
	return int(int32(n))
}
