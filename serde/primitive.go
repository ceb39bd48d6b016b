package serde

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// The primitives, in the bytes of Kafka's Java serializers (org.apache.kafka.common.serialization).
var (
	// String is UTF-8. Bytes that are not UTF-8 pass unchanged.
	String Serde[string] = stringSerde{}
	// Bytes is the bytes themselves. Decode returns its input, not a copy, with no room to append in place.
	Bytes Serde[[]byte] = bytesSerde{}
	// Int64 is a Java Long: 8 bytes, big-endian, two's complement. Counts are stored so.
	Int64 Serde[int64] = fixed[int64]{"int64", 8, func(dst []byte, v int64) []byte {
		return binary.BigEndian.AppendUint64(dst, uint64(v))
	}, func(src []byte) int64 { return int64(binary.BigEndian.Uint64(src)) }}
	// Int32 is a Java Integer: 4 bytes, big-endian, two's complement.
	Int32 Serde[int32] = fixed[int32]{"int32", 4, func(dst []byte, v int32) []byte {
		return binary.BigEndian.AppendUint32(dst, uint32(v))
	}, func(src []byte) int32 { return int32(binary.BigEndian.Uint32(src)) }}
	// Int16 is a Java Short: 2 bytes, big-endian, two's complement.
	Int16 Serde[int16] = fixed[int16]{"int16", 2, func(dst []byte, v int16) []byte {
		return binary.BigEndian.AppendUint16(dst, uint16(v))
	}, func(src []byte) int16 { return int16(binary.BigEndian.Uint16(src)) }}
	// Float64 is a Java Double: the 8 bytes of IEEE 754, big-endian.
	Float64 Serde[float64] = fixed[float64]{"float64", 8, func(dst []byte, v float64) []byte {
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
	}, func(src []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(src)) }}
	// Float32 is a Java Float: the 4 bytes of IEEE 754, big-endian.
	Float32 Serde[float32] = fixed[float32]{"float32", 4, func(dst []byte, v float32) []byte {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(v))
	}, func(src []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(src)) }}
	// Bool is a Java Boolean: one byte, 1 or 0.
	Bool Serde[bool] = boolSerde{}
)

type stringSerde struct{}

func (stringSerde) Format() string                              { return "string" }
func (stringSerde) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (stringSerde) Decode(src []byte) (string, error)           { return string(src), nil }

type bytesSerde struct{}

func (bytesSerde) Format() string                              { return "bytes" }
func (bytesSerde) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (bytesSerde) Decode(src []byte) ([]byte, error)           { return slices.Clip(src), nil }

// Clone is for stores, which keep values longer than the bytes they came from.
func (bytesSerde) Clone(v []byte) []byte { return slices.Clip(slices.Clone(v)) }

// fixed is a number of a fixed size.
type fixed[T any] struct {
	format string
	size   int
	put    func(dst []byte, v T) []byte
	get    func(src []byte) T
}

func (f fixed[T]) Format() string                         { return f.format }
func (f fixed[T]) fixed() int                             { return f.size } // see List
func (f fixed[T]) Append(dst []byte, v T) ([]byte, error) { return f.put(dst, v), nil }

func (f fixed[T]) Decode(src []byte) (v T, err error) {
	if len(src) != f.size {
		return v, fmt.Errorf("serde: %s needs %d bytes, got %d", f.format, f.size, len(src))
	}
	return f.get(src), nil
}

type boolSerde struct{}

func (boolSerde) Format() string { return "bool" }

func (boolSerde) Append(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolSerde) Decode(src []byte) (bool, error) {
	if len(src) != 1 || src[0] > 1 {
		return false, fmt.Errorf("serde: bool needs one byte, 0 or 1, got % x", src)
	}
	return src[0] == 1, nil
}
