package serde

import (
	"encoding/hex"
	"fmt"
)

// UUID is the text of an id, 36 characters in lower case with dashes, as Kafka's UUIDSerializer writes it. T is an
// array of its 16 bytes, such as the types UUID of package uuid of Go 1.27 and of github.com/google/uuid. It reads
// upper case, too; a shorter form, which Java's UUID.fromString takes, is an error.
func UUID[T ~[16]byte]() Serde[T] { return uuidSerde[T]{} }

type uuidSerde[T ~[16]byte] struct{}

const uuidSize = 36

// dashes are before these bytes of an id.
func dashed(i int) bool { return i == 4 || i == 6 || i == 8 || i == 10 }

func (uuidSerde[T]) Format() string { return "uuid" }
func (uuidSerde[T]) fixed() int     { return uuidSize }

func (uuidSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	for i := range v {
		if dashed(i) {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, v[i:i+1])
	}
	return dst, nil
}

func (uuidSerde[T]) Decode(src []byte) (v T, err error) {
	if len(src) != uuidSize {
		return v, fmt.Errorf("serde: uuid needs %d characters, got %d", uuidSize, len(src))
	}
	at := 0
	for i := range v {
		if dashed(i) {
			if src[at] != '-' {
				return v, fmt.Errorf("serde: uuid %q: no dash at %d", src, at)
			}
			at++
		}
		if _, err := hex.Decode(v[i:i+1], src[at:at+2]); err != nil {
			return v, fmt.Errorf("serde: uuid %q: %w", src, err)
		}
		at += 2
	}
	return v, nil
}
