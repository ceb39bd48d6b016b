package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// The last byte of a change says what is before it. Kinds 3 to 5 are 0 to 2 with a byte more, whether the row is the
// latest of its key, which has no meaning in a topic.
const (
	onlyOld byte = iota // the old value
	onlyNew             // the new value
	both                // the length of the new value as zigzag varint, the new value, the old value
	onlyOldLatest
	onlyNewLatest
	bothLatest
)

var errNoChange = errors.New("wire: change has neither an old nor a new value")

// Change is the serde of the rows that a table sends through a repartition topic: Java's ChangedSerializer, as of
// Kafka Streams 3.5. It also reads changes that say whether they are the latest. A change without an old and a new
// value is an error. What value keeps of its input, serde.Bytes all of it, a decoded change keeps as well.
func Change[V any](value serde.Serde[V]) serde.Serde[graph.Change[V]] {
	return change[V]{value}
}

type change[V any] struct{ value serde.Serde[V] }

// Parts is the serde of the values, see serde.ShapesOf.
func (s change[V]) Parts() []any { return []any{s.value} }

func (s change[V]) Format() string { return fmt.Sprintf("change(%s)", serde.FormatOf(s.value)) }

func (s change[V]) Append(dst []byte, c graph.Change[V]) ([]byte, error) {
	switch {
	case c.New.OK && c.Old.OK:
		return s.appendBoth(dst, c)
	case c.New.OK:
		return s.appendOne(dst, c.New.Value, onlyNew)
	case c.Old.OK:
		return s.appendOne(dst, c.Old.Value, onlyOld)
	}
	return nil, errNoChange
}

func (s change[V]) appendOne(dst []byte, v V, kind byte) ([]byte, error) {
	dst, err := s.value.Append(dst, v)
	if err != nil {
		return nil, fmt.Errorf("wire: change: %w", err)
	}
	return append(dst, kind), nil
}

// appendBoth encodes the new value in place and then makes room for its length, which is mostly a single byte.
func (s change[V]) appendBoth(dst []byte, c graph.Change[V]) ([]byte, error) {
	start := len(dst)
	dst, err := s.value.Append(dst, c.New.Value)
	if err != nil {
		return nil, fmt.Errorf("wire: change: new value: %w", err)
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutVarint(length[:], int64(len(dst)-start))
	return s.appendOne(slices.Insert(dst, start, length[:n]...), c.Old.Value, both)
}

func (s change[V]) Decode(src []byte) (c graph.Change[V], err error) {
	kind, payload, err := splitChange(src)
	if err != nil {
		return c, err
	}
	oldBytes, newBytes := payload, payload
	if kind == both {
		if newBytes, oldBytes, err = splitBoth(payload); err != nil {
			return c, err
		}
	}
	if kind != onlyOld {
		if c.New, err = s.some(newBytes); err != nil {
			return graph.Change[V]{}, fmt.Errorf("wire: change: new value: %w", err)
		}
	}
	if kind != onlyNew {
		if c.Old, err = s.some(oldBytes); err != nil {
			return graph.Change[V]{}, fmt.Errorf("wire: change: old value: %w", err)
		}
	}
	return c, nil
}

func (s change[V]) some(src []byte) (graph.Optional[V], error) {
	v, err := s.value.Decode(src)
	return graph.Some(v), err
}

// splitChange takes the bytes that say what a change is off its end; of the kinds it leaves the first three.
func splitChange(src []byte) (kind byte, payload []byte, err error) {
	n := len(src) - 1
	if n < 0 {
		return 0, nil, errors.New("wire: change: no bytes")
	}
	if kind = src[n]; kind < onlyOldLatest {
		return kind, src[:n], nil
	}
	if kind > bothLatest {
		return 0, nil, fmt.Errorf("wire: change: unknown kind %d", kind)
	}
	if n--; n < 0 || src[n] > 1 {
		return 0, nil, fmt.Errorf("wire: change: kind %d without a latest flag", kind)
	}
	return kind - onlyOldLatest, src[:n], nil
}

func splitBoth(payload []byte) (newBytes, oldBytes []byte, err error) {
	length, n := binary.Varint(payload)
	switch {
	case n <= 0 || n > 1 && payload[n-1] == 0: // cut off, too big, or longer than it has to be
		return nil, nil, errors.New("wire: change: the length of the new value is damaged")
	case length < 0 || length > int64(len(payload)-n):
		return nil, nil, fmt.Errorf("wire: change: new value of %d bytes in %d", length, len(payload)-n)
	}
	return payload[n : n+int(length)], payload[n+int(length):], nil
}
