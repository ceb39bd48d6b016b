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
func Msgpack[T any]() Serde[T] { return &msgpackSerde[T]{open: sortMapsOf((*T)(nil))} }

// msgpackSerde has the types, and hands pointers to what is compiled once.
type msgpackSerde[T any] struct {
	open bool // values of any type may be within a T
}

func (*msgpackSerde[T]) Format() string { return "msgpack" }

func (s *msgpackSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	return writeMsgpack(dst, &v, s.open, s.open)
}

// AppendFormer appends the bytes that v had before integers were as short as can be: in joins by foreign key hashes of
// them are kept.
func (s *msgpackSerde[T]) AppendFormer(dst []byte, v T) ([]byte, error) {
	return writeMsgpack(dst, &v, s.open, false)
}

func (*msgpackSerde[T]) Decode(src []byte) (v T, err error) {
	err = readMsgpack(src, &v)
	return v, err
}

//go:noinline
func writeMsgpack(dst []byte, pointer any, open, compact bool) ([]byte, error) {
	if open {
		sortWithin(reflect.ValueOf(pointer).Elem())
	}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	w := bytes.NewBuffer(dst)
	enc.Reset(w)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(compact)
	if err := enc.Encode(pointer); err != nil {
		return dst, fmt.Errorf("serde: msgpack: %w", err)
	}
	return w.Bytes(), nil
}

//go:noinline
func readMsgpack(src []byte, pointer any) error {
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	r := bytes.NewReader(src)
	dec.Reset(r)
	if err := dec.Decode(pointer); err != nil {
		return fmt.Errorf("serde: msgpack: %w", err)
	}
	if _, err := dec.PeekCode(); err != io.EOF {
		return fmt.Errorf("serde: msgpack: bytes left over behind the value")
	}
	return nil
}
