package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/millstream-go/millstream/serde"
)

// sides is the serde of the values in a store of unmatched records, in the bytes of Kafka Streams: a list of variable
// size (org.apache.kafka.common.serialization.ListSerializer), each entry a byte for the side and the value.
type sides[L, R any] struct {
	left  serde.Serde[L]
	right serde.Serde[R]
}

// variableSize is the ordinal of ListSerializer's strategy.
const variableSize = 1

func (s sides[L, R]) Format() string {
	return fmt.Sprintf("%s,%s", serde.FormatOf(s.left), serde.FormatOf(s.right))
}

func (s sides[L, R]) Append(dst []byte, v side[L, R]) (_ []byte, err error) {
	dst = binary.BigEndian.AppendUint32(append(dst, variableSize), uint32(len(v.left)+len(v.right)))
	if v.isLeft {
		return appendEntries(dst, leftSide, s.left, v.left)
	}
	return appendEntries(dst, rightSide, s.right, v.right)
}

func appendEntries[T any](dst []byte, side byte, values serde.Serde[T], list []T) (_ []byte, err error) {
	for _, v := range list {
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0, side)
		if dst, err = values.Append(dst, v); err != nil {
			return dst, err
		}
		if n := len(dst) - at - lengthSize; n <= math.MaxInt32 {
			binary.BigEndian.PutUint32(dst[at:], uint32(n))
		}
	}
	return dst, nil
}

var errSides = errors.New("state: list of unmatched values is damaged")

func (s sides[L, R]) Decode(src []byte) (v side[L, R], err error) {
	if len(src) < 1+lengthSize || src[0] != variableSize {
		return v, errSides
	}
	n := binary.BigEndian.Uint32(src[1:])
	src = src[1+lengthSize:]
	for range n {
		if len(src) < lengthSize {
			return v, errSides
		}
		size := int64(binary.BigEndian.Uint32(src))
		if src = src[lengthSize:]; size < 1 || int64(len(src)) < size {
			return v, errSides
		}
		if err := s.decodeEntry(&v, src[0], src[1:size]); err != nil {
			return v, err
		}
		src = src[size:]
	}
	if len(src) > 0 || v.isLeft && len(v.right) > 0 {
		return v, errSides
	}
	return v, nil
}

func (s sides[L, R]) decodeEntry(v *side[L, R], side byte, src []byte) error {
	switch side {
	case leftSide:
		value, err := s.left.Decode(src)
		v.isLeft, v.left = true, append(v.left, owned(s.left, value))
		return err
	case rightSide:
		value, err := s.right.Decode(src)
		v.right = append(v.right, owned(s.right, value))
		return err
	}
	return errSides
}
