package inspect

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
)

// typed is a serde whose type only the application knows. Its methods are found by name: that costs more than calls do,
// and is for requests, of which there are few beside records.
type typed struct{ serde any }

// method is a method of a value, which is there by its interface.
func method(of any, name string) reflect.Value {
	v := reflect.ValueOf(of)
	switch name {
	case "Append":
		return v.MethodByName("Append")
	case "Decode":
		return v.MethodByName("Decode")
	}
	panic("inspect: method " + name)
}

// parse makes a key of text: that of strings and bytes as it is, that of types with a text of their own by it, and of
// all others as JSON.
func (t typed) parse(text string) (reflect.Value, error) {
	decode := method(t.serde, "Decode")
	if !decode.IsValid() {
		return reflect.Value{}, fmt.Errorf("the store's keys have no serde")
	}
	kind := decode.Type().Out(0)
	key := reflect.New(kind)
	if own, ok := key.Interface().(encoding.TextUnmarshaler); ok {
		return key.Elem(), own.UnmarshalText([]byte(text))
	}
	switch {
	case kind.Kind() == reflect.String:
		key.Elem().SetString(text)
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8:
		key.Elem().SetBytes([]byte(text))
	default:
		if err := json.Unmarshal([]byte(text), key.Interface()); err != nil {
			return key.Elem(), fmt.Errorf("%q is no key of type %v: %w", text, kind, err)
		}
	}
	return key.Elem(), nil
}

// encode makes the bytes of a key.
func (t typed) encode(key reflect.Value) ([]byte, error) {
	out := method(t.serde, "Append").Call([]reflect.Value{reflect.Zero(reflect.TypeFor[[]byte]()), key})
	err, _ := out[1].Interface().(error)
	return out[0].Bytes(), err
}

// text is what parse makes the key of again.
func (t typed) text(key any) string {
	switch k := key.(type) {
	case encoding.TextMarshaler:
		if text, err := k.MarshalText(); err == nil {
			return string(text)
		}
	case string:
		return k
	case []byte:
		return string(k)
	}
	if v := reflect.ValueOf(key); v.Kind() == reflect.String {
		return v.String()
	}
	text, err := json.Marshal(key)
	if err != nil {
		return fmt.Sprint(key)
	}
	return string(text)
}

// shown is a key or value as JSON has it; what cannot be is shown as Go prints it.
func shown(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return json.RawMessage(text)
}
