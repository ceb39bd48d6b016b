package serde

import (
	"bytes"
	"fmt"
	"io"

	"github.com/vmihailenco/msgpack/v5"
)

// Msgpack encodes values as MessagePack; struct fields go by name.
func Msgpack[T any]() Serde[T] { return msgpackSerde[T]{} }

type msgpackSerde[T any] struct{}

func (msgpackSerde[T]) Format() string { return "msgpack" }

func (msgpackSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	w := bytes.NewBuffer(dst)
	enc.Reset(w)
	if err := enc.Encode(&v); err != nil {
		return dst, fmt.Errorf("serde: msgpack: %w", err)
	}
	return w.Bytes(), nil
}

func (msgpackSerde[T]) Decode(src []byte) (v T, err error) {
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	r := bytes.NewReader(src)
	dec.Reset(r)
	if err := dec.Decode(&v); err != nil {
		return v, fmt.Errorf("serde: msgpack: %w", err)
	}
	if _, err := dec.PeekCode(); err != io.EOF {
		return v, fmt.Errorf("serde: msgpack: bytes left over behind the value")
	}
	return v, nil
}
