package debezium

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// pointers takes null as nil.
func pointers(elem codec) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			if null(raw) {
				dst.SetZero()
				return nil
			}
			to := reflect.New(dst.Type().Elem())
			dst.Set(to)
			return elem.decode(raw, s, to.Elem())
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return elem.append(dst, v.Elem())
		},
	}
}

func lists(elem codec) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			var all []json.RawMessage
			if err := json.Unmarshal(raw, &all); err != nil {
				return fmt.Errorf("it is no array: %.40s", raw)
			}
			dst.SetZero()
			if all == nil {
				return nil
			}
			dst.Set(reflect.MakeSlice(dst.Type(), len(all), len(all)))
			for i, e := range all {
				to := dst.Index(i)
				if err := within("["+strconv.Itoa(i)+"]", to.Type(), elem.decode(e, s.items(), to)); err != nil {
					return err
				}
			}
			return nil
		},
		append: func(dst []byte, v reflect.Value) (_ []byte, err error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			dst = append(dst, '[')
			for i := range v.Len() {
				if i > 0 {
					dst = append(dst, ',')
				}
				if dst, err = elem.append(dst, v.Index(i)); err != nil {
					return dst, err
				}
			}
			return append(dst, ']'), nil
		},
	}
}

// maps are hstore columns, or whole rows, which have a schema for each.
func mapped(elem codec) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			var all map[string]json.RawMessage
			if err := json.Unmarshal(raw, &all); err != nil {
				return fmt.Errorf("it is no object: %.40s", raw)
			}
			dst.SetZero()
			if all == nil {
				return nil
			}
			dst.Set(reflect.MakeMapWithSize(dst.Type(), len(all)))
			for name, e := range all {
				of := s.values()
				if of == nil {
					of = s.of(name)
				}
				to := reflect.New(dst.Type().Elem()).Elem()
				if err := within(name, to.Type(), elem.decode(e, of, to)); err != nil {
					return err
				}
				dst.SetMapIndex(reflect.ValueOf(name).Convert(dst.Type().Key()), to)
			}
			return nil
		},
		append: func(dst []byte, v reflect.Value) (_ []byte, err error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			dst = append(dst, '{')
			for i, key := range sortedKeys(v) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(appendText(dst, key.String()), ':')
				if dst, err = elem.append(dst, v.MapIndex(key)); err != nil {
					return dst, err
				}
			}
			return append(dst, '}'), nil
		},
	}
}

func structs(r *row) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			if null(raw) {
				return ErrNull
			}
			_, err := r.decode(raw, s, dst)
			return err
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) { return r.append(dst, v) },
	}
}

// documents are columns of type json: text that is a JSON document.
var documents = codec{
	decode: func(raw json.RawMessage, _ *schema, dst reflect.Value) error {
		if null(raw) {
			dst.SetZero()
			return nil
		}
		t, err := text(raw)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(t), dst.Addr().Interface()); err != nil {
			return fmt.Errorf("its document: %w", err)
		}
		return nil
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		if nullable(v.Kind()) && v.IsNil() {
			return append(dst, "null"...), nil
		}
		if v.Type() == typeRaw {
			return appendText(dst, string(v.Bytes())), nil
		}
		b, err := json.Marshal(v.Interface())
		return appendText(dst, string(b)), err
	},
}

func nullable(k reflect.Kind) bool {
	return k == reflect.Slice || k == reflect.Map || k == reflect.Pointer || k == reflect.Interface
}

// own are types that read themselves, from JSON or from text.
var own = codec{
	decode: func(raw json.RawMessage, _ *schema, dst reflect.Value) error {
		if null(raw) {
			return ErrNull
		}
		return json.Unmarshal(raw, dst.Addr().Interface())
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		if _, ok := v.Interface().(encoding.TextMarshaler); !ok && v.CanAddr() {
			v = v.Addr()
		}
		b, err := json.Marshal(v.Interface())
		return append(dst, b...), err
	},
}

// anything is what is there. With a schema, logical types become Go's.
func anything() codec { return codec{decode: decodeAny, append: appendAny} }

func decodeAny(raw json.RawMessage, s *schema, dst reflect.Value) error {
	if t := typeOf(s); t != nil && !null(raw) {
		c, err := codecOf(t, noOptions)
		if err != nil {
			return err
		}
		to := reflect.New(t).Elem()
		err = c.decode(raw, s, to)
		dst.Set(to)
		return err
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&v)
	dst.SetZero()
	if v != nil {
		dst.Set(reflect.ValueOf(v))
	}
	return err
}

func appendAny(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(dst, "null"...), nil
	}
	b, err := json.Marshal(v.Interface())
	return append(dst, b...), err
}

// typeOf is the Go type of a logical type; nil: none, or the schema is not known.
func typeOf(s *schema) reflect.Type {
	switch s.name() {
	case nameDecimal, nameVariable:
		return typeDecimal
	case nameJSON:
		return typeRaw
	}
	if u, ok := timeUnits[s.name()]; ok && u != "" {
		return typeTime
	}
	if _, ok := durationUnits[s.name()]; ok {
		return typeDuration
	}
	if s.kind() == "bytes" {
		return reflect.TypeFor[[]byte]()
	}
	return nil
}
