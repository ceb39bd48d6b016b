// Package steady finds serdes that do not give a value the same bytes each time.
package steady

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/serde"
)

// Serde is s with a check: what it appends it encodes again, and answers with an error that wraps serde.ErrUnsteady if
// the bytes differ.
func Serde[T any](s serde.Serde[T]) serde.Serde[T] {
	return &checked[T]{serde: s, more: repeats((*T)(nil))}
}

// checked does not embed the serde: a method that is promoted is compiled twice for each type.
type checked[T any] struct {
	serde serde.Serde[T]
	more  int
}

func (c *checked[T]) Decode(src []byte) (T, error) { return c.serde.Decode(src) }

func (c *checked[T]) Append(dst []byte, v T) ([]byte, error) {
	from := len(dst)
	dst, err := c.serde.Append(dst, v)
	for i := 0; i < c.more && err == nil; i++ {
		again, failed := c.serde.Append(nil, v)
		err = compare(c.serde, v, dst[from:], again, failed)
	}
	return dst, err
}

// compare is compiled once: s is the serde, v what it encoded twice.
//
//go:noinline
func compare(s, v any, was, again []byte, failed error) error {
	if failed == nil && bytes.Equal(was, again) {
		return nil
	}
	second := fmt.Sprintf("% x", shortened(again))
	if failed != nil {
		second = failed.Error()
	}
	return fmt.Errorf("%s by serde %T (%s): %w, % x and then %s: have it write maps in a fixed order, and nothing but "+
		"the value", shortened(fmt.Appendf(nil, "%v", v)), s, serde.FormatOf(s), serde.ErrUnsteady, shortened(was), second)
}

// shortened is the beginning of a text, or bytes.
func shortened(b []byte) []byte { return b[:min(len(b), 200)] }

// repeats is how often a value is encoded again. Go begins a walk of a small map at its first entry seven times of
// eight, so that one look would mostly miss that the order is random. The type is what the pointer is for.
//
//go:noinline
func repeats(pointer any) int {
	if plain(reflect.TypeOf(pointer).Elem()) {
		return 1
	}
	return 16
}

// plain is true for types without maps in them.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array, reflect.Slice:
		return plain(t.Elem())
	}
	return t.Kind() <= reflect.Complex128 || t.Kind() == reflect.String
}
