package serde

import (
	"bytes"
	"fmt"
	"io"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// Msgpack encodes values as MessagePack; struct fields go by name, in their order, and maps in the order of their keys.
// Integers of a type with interfaces in it are as short as can be: what is read from an interface has another type of
// integer than what was written, and so the same bytes.
func Msgpack[T any]() Serde[T] { return msgpackSerde[T]{open: sortMaps(reflect.TypeFor[T]())} }

type msgpackSerde[T any] struct {
	open bool // values of any type may be within a T
}

func (msgpackSerde[T]) Format() string { return "msgpack" }

func (s msgpackSerde[T]) Append(dst []byte, v T) ([]byte, error) { return s.append(dst, v, s.open) }

// AppendFormer appends the bytes that v had before integers were as short as can be: in joins by foreign key hashes of
// them are kept.
func (s msgpackSerde[T]) AppendFormer(dst []byte, v T) ([]byte, error) {
	return s.append(dst, v, false)
}

func (s msgpackSerde[T]) append(dst []byte, v T, compact bool) ([]byte, error) {
	if s.open {
		sortWithin(reflect.ValueOf(&v).Elem())
	}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	w := bytes.NewBuffer(dst)
	enc.Reset(w)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(compact)
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
