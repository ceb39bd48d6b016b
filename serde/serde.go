package serde

import (
	"errors"
	"fmt"
	"reflect"
)

// Serde turns values of one type into bytes and back. It is used by several goroutines at once.
type Serde[T any] interface {
	// Append appends the bytes of v to dst, which may be nil, and returns the longer slice. The bytes are a function of
	// v: each time and in each process the same. Keys are compared, stored and partitioned by them, and so are the rows
	// of joins by foreign key: a map must be written in a fixed order. The serdes of this package do so. testkit.Driver,
	// and an application that is built with -tags invariants, find one that does not: ErrUnsteady.
	Append(dst []byte, v T) ([]byte, error)
	// Decode reads a value from all of src. It must not keep src, nor change it, and must return an error, not panic,
	// on any input.
	Decode(src []byte) (T, error)
}

// ErrUnsteady is the error of a key, or of a value that is compared by its bytes, for which a serde does not give the
// same bytes each time. Its rows would be lost and its records go to several partitions: mend the serde, no policy of
// errors passes it over.
var ErrUnsteady = errors.New("one value has got different bytes")

// FormatOf is a stable text that names the wire format of a serde: what its method Format() string says, else its Go
// type. Stores and lock files remember it, to notice when bytes would be read in another format than they were written
// in.
func FormatOf(serde any) string {
	if f, ok := serde.(interface{ Format() string }); ok {
		return f.Format()
	}
	return fmt.Sprintf("%T", serde)
}

// ErrOf is what is wrong with a serde as it was made, nil if nothing: it is nil, or its method Err() error says so. Who
// is made of other serdes has such a method.
func ErrOf(serde any) error {
	if v := reflect.ValueOf(serde); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		if !v.IsValid() || !worksAsNil(v) {
			return errors.New("serde: it is nil")
		}
	}
	if s, ok := serde.(interface{ Err() error }); ok {
		return s.Err()
	}
	return nil
}

// worksAsNil is true for a serde that is a nil pointer, and whose methods do without what it points to.
func worksAsNil(s reflect.Value) (works bool) {
	defer func() { works = recover() == nil && works }()
	encode, decode := s.MethodByName("Append"), s.MethodByName("Decode")
	if !encode.IsValid() || !decode.IsValid() || encode.Type().NumIn() != 2 || decode.Type().NumIn() != 1 {
		return false
	}
	encode.Call([]reflect.Value{reflect.Zero(encode.Type().In(0)), reflect.Zero(encode.Type().In(1))})
	decode.Call([]reflect.Value{reflect.Zero(decode.Type().In(0))})
	return true
}

// New makes a serde of two functions, under the contract of Serde. format names the bytes, see FormatOf.
func New[T any](
	format string, appendTo func(dst []byte, v T) ([]byte, error), decode func(src []byte) (T, error),
) Serde[T] {
	return &functions[T]{format: format, append: appendTo, decode: decode}
}

type functions[T any] struct {
	format string
	append func([]byte, T) ([]byte, error)
	decode func([]byte) (T, error)
}

// Err is that a function is missing.
func (f *functions[T]) Err() error {
	if f.append == nil || f.decode == nil {
		return fmt.Errorf("serde: %q was made by New of a nil function", f.format)
	}
	return nil
}

func (f *functions[T]) Format() string                         { return f.format }
func (f *functions[T]) Append(dst []byte, v T) ([]byte, error) { return f.append(dst, v) }
func (f *functions[T]) Decode(src []byte) (T, error)           { return f.decode(src) }
