package debezium

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// codec reads and writes the values of a column of one Go type.
type codec struct {
	decode func(raw json.RawMessage, s *schema, dst reflect.Value) error
	append func(dst []byte, v reflect.Value) ([]byte, error)
	kind   string // Connect's type, for keys with schemas; empty: not for keys
	name   string // of its logical type
}

var (
	typeDecimal  = reflect.TypeFor[Decimal]()
	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeRaw      = reflect.TypeFor[json.RawMessage]()
	typeUUID     = reflect.TypeFor[[16]byte]()

	typeFromJSON = reflect.TypeFor[json.Unmarshaler]()
	typeFromText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// codecOf finds the codec of a type: the special ones first, then what the type itself can do, then its kind.
func codecOf(t reflect.Type, o options) (codec, error) {
	if t == typeRaw || o.json {
		return documents, nil
	}
	if t.Kind() == reflect.Pointer {
		elem, err := codecOf(t.Elem(), o)
		return pointers(elem), err
	}
	c, known := wellKnown(t, o)
	switch holder := t.Kind() == reflect.Slice || t.Kind() == reflect.Map; {
	case known:
		return c, nil
	case holder: // the options are those of its elements
	case o.unit != "":
		return c, fmt.Errorf("tag: %s is for time.Time and time.Duration, not for %v", o.unit, t)
	case o.scale >= 0:
		return c, fmt.Errorf("tag: scale is for Decimal, not for %v", t)
	}
	if p := reflect.PointerTo(t); p.Implements(typeFromJSON) || p.Implements(typeFromText) {
		return own, nil
	}
	return codecOfKind(t, o)
}

func wellKnown(t reflect.Type, o options) (codec, bool) {
	switch {
	case t == typeDecimal:
		return decimals(o.scale), true
	case t == typeTime:
		return times(o.unit), true
	case t == typeDuration:
		return durations(o.unit), true
	case t.ConvertibleTo(typeUUID) && t.Kind() == reflect.Array:
		return uuids, true
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return blobs, true
	}
	return codec{}, false
}

func codecOfKind(t reflect.Type, o options) (codec, error) {
	switch t.Kind() {
	case reflect.Bool:
		return bools, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integers(t.Kind()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned, nil
	case reflect.Float32, reflect.Float64:
		return floats, nil
	case reflect.String:
		return texts, nil
	case reflect.Slice:
		elem, err := codecOf(t.Elem(), o)
		return lists(elem), err
	case reflect.Map:
		elem, err := codecOf(t.Elem(), o)
		if err == nil && t.Key().Kind() != reflect.String {
			err = fmt.Errorf("the keys of a map are text, not %v", t.Key())
		}
		return mapped(elem), err
	case reflect.Struct:
		r, err := structRow(t)
		return structs(r), err
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anything(), nil
		}
	}
	return codec{}, fmt.Errorf("no column fits type %v", t)
}

func null(raw json.RawMessage) bool { return string(raw) == "null" }

// text is a JSON string.
func text(raw json.RawMessage) (s string, err error) {
	if null(raw) {
		return "", ErrNull
	}
	if len(raw) == 0 || raw[0] != '"' {
		return "", fmt.Errorf("it is no text: %.40s", raw)
	}
	err = json.Unmarshal(raw, &s)
	return s, err
}

// number is the text of a JSON number.
func number(raw json.RawMessage, s *schema) (string, error) {
	switch {
	case null(raw):
		return "", ErrNull
	case s.name() == nameDecimal, s.name() == nameVariable, len(raw) > 0 && raw[0] == '{':
		return "", fmt.Errorf("%w of the connector is precise: use debezium.Decimal, or mode double with floats",
			ErrDecimalMode)
	case len(raw) > 0 && raw[0] == '"':
		return "", fmt.Errorf("it is text, %.40s: a numeric column comes so unless %w is double", raw, ErrDecimalMode)
	}
	return string(raw), nil
}

var bools = codec{
	kind: "boolean",
	decode: func(raw json.RawMessage, _ *schema, dst reflect.Value) error {
		switch string(raw) {
		case "true", "false":
			dst.SetBool(string(raw) == "true")
			return nil
		case "null":
			return ErrNull
		}
		return fmt.Errorf("it is no boolean: %.40s", raw)
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil },
}

func integers(k reflect.Kind) codec {
	c := codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			text, err := number(raw, s)
			if err != nil {
				return err
			}
			n, err := strconv.ParseInt(text, 10, dst.Type().Bits())
			dst.SetInt(n)
			return numberError(err)
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil },
	}
	c.kind = map[reflect.Kind]string{
		reflect.Int8: "int8", reflect.Int16: "int16", reflect.Int32: "int32", reflect.Int64: "int64", reflect.Int: "int64",
	}[k]
	return c
}

var unsigned = codec{
	decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
		text, err := number(raw, s)
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, dst.Type().Bits())
		dst.SetUint(n)
		return numberError(err)
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(dst, v.Uint(), 10), nil },
}

// numberError is the reason without the name of the function that found it.
func numberError(err error) error {
	var e *strconv.NumError
	if errors.As(err, &e) {
		return fmt.Errorf("%.40s: %w", e.Num, e.Err)
	}
	return err
}

var floats = codec{
	decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
		if t, err := text(raw); err == nil && special(t) && s.name() == "" {
			raw = json.RawMessage(t)
		}
		text, err := number(raw, s)
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(text, dst.Type().Bits())
		dst.SetFloat(f)
		return numberError(err)
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		if f := v.Float(); f-f != 0 { // NaN, infinite
			text := strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+")
			return appendText(dst, strings.Replace(text, "Inf", "Infinity", 1)), nil
		}
		return strconv.AppendFloat(dst, v.Float(), 'g', -1, v.Type().Bits()), nil
	},
}

var texts = codec{
	kind: "string",
	decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
		if s.kind() == "bytes" && s.name() == nameDecimal || len(raw) > 0 && raw[0] == '{' && s.name() == nameVariable {
			return fmt.Errorf("%w of the connector is precise: use debezium.Decimal, or mode string", ErrDecimalMode)
		}
		t, err := text(raw)
		dst.SetString(t)
		return err
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) { return appendText(dst, v.String()), nil },
}

var blobs = codec{
	decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
		if null(raw) {
			dst.SetZero()
			return nil
		}
		t, err := text(raw)
		if err != nil {
			return err
		}
		if s.name() == nameDecimal {
			return fmt.Errorf("%w of the connector is precise: use debezium.Decimal", ErrDecimalMode)
		}
		b, err := base64.StdEncoding.DecodeString(t)
		if err != nil {
			return fmt.Errorf("it is not base64: binary.handling.mode must be bytes: %w", err)
		}
		dst.SetBytes(b)
		return nil
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(dst, "null"...), nil
		}
		return appendText(dst, base64.StdEncoding.EncodeToString(v.Bytes())), nil
	},
}

// appendText writes a string as Jackson does: what need not be escaped is not.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, c := range []byte(strings.ToValidUTF8(s, "\uFFFD")) {
		if at := strings.IndexByte("\b\t\n\f\r", c); at >= 0 {
			dst = append(dst, '\\', "btnfr"[at])
		} else if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else if c < 0x20 {
			dst = fmt.Appendf(dst, `\u%04X`, c)
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// sortedKeys are the keys of a map in a fixed order.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
