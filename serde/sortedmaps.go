package serde

import (
	"bytes"
	"encoding"
	"reflect"
	"slices"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// The library writes the entries of maps in the order of Go's iteration, which is random, but for three types of maps.
// sortMaps gives it an encoder for each other type of map, which goes by the bytes of the keys. It is the library's for
// everybody, and changes nothing but the order.

// knownTypes are the types whose maps are sorted, with whether values of other types may be in them.
var knownTypes sync.Map

// sortMaps has the maps within a type written in order. It is true if the type has interfaces, whose values may be of
// any type: these are for sortWithin.
func sortMaps(t reflect.Type) (open bool) {
	if known, ok := knownTypes.Load(t); ok {
		return known.(bool)
	}
	open = sortUnder(t, map[reflect.Type]bool{})
	knownTypes.Store(t, open)
	return open
}

// sortMapsOf is sortMaps for the type that a pointer is for.
//
//go:noinline
func sortMapsOf(pointer any) (open bool) { return sortMaps(reflect.TypeOf(pointer).Elem()) }

func sortUnder(t reflect.Type, seen map[reflect.Type]bool) (open bool) {
	if seen[t] || encodesItself(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return sortUnder(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			open = sortUnder(t.Field(i).Type, seen) || open
		}
		return open
	case reflect.Map:
		sortMap(t)
		open = sortUnder(t.Key(), seen)
		return sortUnder(t.Elem(), seen) || open
	}
	return false
}

var marshalers = []reflect.Type{
	reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
}

// encodesItself is true for types whose bytes are made by methods of their own.
func encodesItself(t reflect.Type) bool {
	return t.Kind() != reflect.Interface && slices.ContainsFunc(marshalers, func(m reflect.Type) bool {
		return t.Implements(m) || reflect.PointerTo(t).Implements(m)
	})
}

// sortMap gives the library an encoder for a type of maps, unless it sorts them itself, or has one of the user's.
func sortMap(t reflect.Type) {
	if t.Key() == reflect.TypeFor[string]() {
		switch t.Elem() {
		case reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[any]():
			return
		}
	}
	const emptyMap = 0x80
	if b, err := msgpack.Marshal(reflect.MakeMap(t).Interface()); err == nil && bytes.Equal(b, []byte{emptyMap}) {
		msgpack.Register(reflect.Zero(t).Interface(), encodeSorted, nil)
	}
}

// entry of a map, with the bytes of its key and value.
type entry struct {
	key, value reflect.Value
	order      []byte
}

// encodeSorted writes a map in the order of its keys' bytes.
func encodeSorted(e *msgpack.Encoder, v reflect.Value) error {
	if v.IsNil() {
		return e.EncodeNil()
	}
	entries := make([]entry, 0, v.Len())
	for at := v.MapRange(); at.Next(); {
		key, value := at.Key(), at.Value()
		order, err := appendMsgpack(nil, key)
		if err == nil { // keys that differ may have the same bytes: NaNs, and pointers
			order, err = appendMsgpack(order, value)
		}
		if err != nil {
			return err
		}
		entries = append(entries, entry{key, value, order})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.order, b.order) })
	if err := e.EncodeMapLen(len(entries)); err != nil {
		return err
	}
	for _, x := range entries {
		if err := e.EncodeValue(x.key); err != nil {
			return err
		}
		if err := e.EncodeValue(x.value); err != nil {
			return err
		}
	}
	return nil
}

// sortWithin has the maps written in order that lie behind the interfaces within a value.
func sortWithin(v reflect.Value) {
	if !v.IsValid() || !sortMaps(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		sortWithin(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			sortWithin(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sortWithin(v.Field(i))
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			sortWithin(at.Key())
			sortWithin(at.Value())
		}
	}
}

// appendMsgpack appends a value, its maps in order.
func appendMsgpack(dst []byte, v reflect.Value) ([]byte, error) {
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	w := bytes.NewBuffer(dst)
	enc.Reset(w)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(v.Kind() == reflect.Interface)
	err := enc.EncodeValue(v)
	return w.Bytes(), err
}
