package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// versions is the serde of a versioned row: each version's time, and its value behind its length and 1, or 0 for a
// delete.
type versions[V any] struct {
	value serde.Serde[V]
}

func (s versions[V]) Format() string { return serde.FormatOf(s.value) }

func (s versions[V]) Append(dst []byte, list []version[V]) ([]byte, error) {
	for _, v := range list {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.from))
		if !v.there {
			dst = binary.AppendUvarint(dst, 0)
			continue
		}
		var err error
		if dst, err = s.appendValue(dst, v.value); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendValue appends a value behind its length and 1. The length is not known before: the value is moved behind it.
func (s versions[V]) appendValue(dst []byte, value V) (_ []byte, err error) {
	at, room := len(dst), [binary.MaxVarintLen64]byte{}
	dst, err = s.value.Append(append(dst, room[:]...), value)
	if err != nil {
		return dst, err
	}
	encoded := dst[at+len(room):]
	return append(binary.AppendUvarint(dst[:at], uint64(len(encoded))+1), encoded...), nil
}

var errVersions = errors.New("state: versions of a row are damaged")

func (s versions[V]) Decode(src []byte) (list []version[V], err error) {
	for len(src) > 0 {
		if len(src) < timeSize+1 {
			return nil, errVersions
		}
		v := version[V]{from: int64(binary.BigEndian.Uint64(src))}
		size, n := binary.Uvarint(src[timeSize:])
		if n <= 0 || size > uint64(len(src)-timeSize-n)+1 {
			return nil, errVersions
		}
		src = src[timeSize+n:]
		if size > 0 {
			v.there = true
			if v.value, err = s.value.Decode(src[:size-1]); err != nil {
				return nil, fmt.Errorf("version at %d: %w", v.from, err)
			}
			v.value, src = owned(s.value, v.value), src[size-1:]
		}
		list = append(list, v)
	}
	if list == nil {
		return nil, errVersions
	}
	return list, nil
}
