package inspect

import (
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
)

// typed is a serde whose type only the application knows. Its methods are found by name: that costs more than calls do,
// and is for requests, of which there are few beside records.
type typed struct {
	serde    any
	encoding coding // of its bytes as text; nil: the text of its type
}

// coding makes text of any bytes, and back.
type coding interface {
	DecodeString(text string) ([]byte, error)
	EncodeToString(b []byte) string
}

func codingOf(name string) (coding, error) {
	switch name {
	case "text":
		return nil, nil
	case "hex":
		return hexadecimal{}, nil
	case "base64":
		return base64.StdEncoding, nil
	}
	return nil, fmt.Errorf("%q: must be text, hex or base64", name)
}

type hexadecimal struct{}

func (hexadecimal) DecodeString(text string) ([]byte, error) { return hex.DecodeString(text) }
func (hexadecimal) EncodeToString(b []byte) string           { return hex.EncodeToString(b) }

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
	if t.encoding != nil {
		b, err := t.bytes(text)
		if err != nil {
			return reflect.Zero(kind), err
		}
		out := decode.Call([]reflect.Value{reflect.ValueOf(b)})
		err, _ = out[1].Interface().(error)
		return out[0], err
	}
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

// bytes are those that a text stands for: as they are, without an encoding.
func (t typed) bytes(text string) ([]byte, error) {
	if t.encoding == nil {
		return []byte(text), nil
	}
	return t.encoding.DecodeString(text)
}

// shown is a key as JSON has it, which the encoding makes the text that it is asked for by.
func (t typed) shown(key reflect.Value) any {
	if t.encoding == nil {
		return shown(key.Interface())
	}
	return t.text(key)
}

// text is what parse makes the key of again.
func (t typed) text(v reflect.Value) string {
	if t.encoding != nil {
		b, err := t.encode(v)
		if err != nil {
			return fmt.Sprintf("%+v", v)
		}
		return t.encoding.EncodeToString(b)
	}
	key := v.Interface()
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
	if v.Kind() == reflect.String {
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
