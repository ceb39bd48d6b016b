package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// Header is one header of a record. Names may repeat; order counts.
type Header struct {
	Key   string
	Value []byte
}

// Held is a record's value that waits in a buffer, with its headers.
type Held[V any] struct {
	Value   V
	Headers []Header
}

// HeldSerde is the serde of values that wait in a buffer.
func HeldSerde[V any](values serde.Serde[V]) serde.Serde[Held[V]] { return held[V]{values} }

// held is the serde of Held: the number of headers, each as key and value behind their lengths (0 for a null value,
// else the length and 1), then the value.
type held[V any] struct {
	value serde.Serde[V]
}

func (s held[V]) Format() string { return fmt.Sprintf("held(%s)", serde.FormatOf(s.value)) }

func (s held[V]) Append(dst []byte, v Held[V]) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(v.Headers)))
	for _, h := range v.Headers {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
		if h.Value == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Value))+1), h.Value...)
	}
	return s.value.Append(dst, v.Value)
}

// Clone copies a value that shares memory with others. A decoded record has headers of its own.
func (s held[V]) Clone(v Held[V]) Held[V] {
	if c, ok := s.value.(interface{ Clone(v V) V }); ok {
		v.Value = c.Clone(v.Value)
	}
	return v
}

var errHeld = errors.New("state: headers of a waiting record are damaged")

func (s held[V]) Decode(src []byte) (v Held[V], err error) {
	n, size := binary.Uvarint(src)
	if size <= 0 || n > uint64(len(src)) {
		return v, errHeld
	}
	src = src[size:]
	for range n {
		var h Header
		key, rest, ok := cut(src, 0)
		if !ok {
			return v, errHeld
		}
		h.Key = string(key)
		if h.Value, src, ok = cut(rest, 1); !ok {
			return v, errHeld
		}
		h.Value = bytes.Clone(h.Value)
		v.Headers = append(v.Headers, h)
	}
	v.Value, err = s.value.Decode(src)
	return v, err
}

// cut takes bytes behind their length, which is written with an offset: with less than that there are none.
func cut(src []byte, offset uint64) (b, rest []byte, ok bool) {
	n, size := binary.Uvarint(src)
	if size <= 0 {
		return nil, nil, false
	}
	if src = src[size:]; n < offset {
		return nil, src, true
	}
	if n -= offset; n > uint64(len(src)) {
		return nil, nil, false
	}
	return src[:n:n], src[n:], true
}
