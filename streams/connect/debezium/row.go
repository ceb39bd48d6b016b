package debezium

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// row is how the fields of a type take the columns of a row.
type row struct {
	t      reflect.Type
	fields []field
	single string // the only column, for a type that is no struct
	codec  codec  // of a type that is no struct
}

type field struct {
	column  string
	index   []int
	options options
	codec   codec
}

// options are what a tag says behind the name.
type options struct {
	unit     unit
	scale    int // of a precise decimal; -1: none
	json     bool
	optional bool
}

var noOptions = options{scale: -1}

// structRow is the row of a struct; or of a map, which takes all columns.
func structRow(t reflect.Type) (*row, error) {
	r := &row{t: t}
	if t.Kind() == reflect.Map && t.Key().Kind() == reflect.String {
		c, err := codecOf(t, noOptions)
		r.codec = c
		return r, err
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("debezium: a row is read into a struct or a map of strings, not into %v", t)
	}
	var errs []error
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("debezium") == "" {
			continue
		}
		name, o, err := tagOf(f)
		if name == "-" {
			continue
		}
		c, cerr := codecOf(f.Type, o)
		for _, err := range []error{err, cerr} {
			if err != nil {
				errs = append(errs, fmt.Errorf("debezium: field %v.%s: %w", t, f.Name, err))
			}
		}
		r.fields = append(r.fields, field{column: name, index: f.Index, options: o, codec: c})
	}
	if len(r.fields) == 0 {
		errs = append(errs, fmt.Errorf("debezium: %v has no field for a column", t))
	}
	return r, errors.Join(errs...)
}

// columnRow is a row of one column, for keys that are no structs.
func columnRow(t reflect.Type, column string) (*row, error) {
	c, err := codecOf(t, noOptions)
	if column == "" {
		err = errors.Join(err, errors.New("debezium: a column needs a name"))
	}
	return &row{t: t, single: column, codec: c}, err
}

func tagOf(f reflect.StructField) (name string, o options, err error) {
	o = noOptions
	tag, given := f.Tag.Lookup("debezium")
	parts := strings.Split(tag, ",")
	if name = parts[0]; name == "" {
		name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	}
	if name == "" || name == "-" && !given {
		name = f.Name
	}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "date", "millis", "micros", "nanos":
			o.unit = unit(key)
		case "scale":
			if o.scale, err = strconv.Atoi(value); err != nil || o.scale < 0 {
				return name, noOptions, fmt.Errorf("tag: %q is no scale", part)
			}
		case "json":
			o.json = true
		case "optional":
			o.optional = true
		default:
			return name, o, fmt.Errorf("tag: there is no option %q", part)
		}
	}
	return name, o, nil
}

// decode reads a row, and names the columns whose values were not sent.
func (r *row) decode(raw json.RawMessage, s *schema, dst reflect.Value) (unavailable []string, err error) {
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(raw, &columns); err != nil || columns == nil {
		return nil, fmt.Errorf("debezium: a row is a JSON object, not %.60s", raw)
	}
	if r.single != "" {
		return nil, r.column(columns, r.single, s, noOptions, r.codec, dst)
	}
	if r.fields == nil {
		return r.decodeMap(raw, columns, s, dst)
	}
	for i := range r.fields {
		f := &r.fields[i]
		if value := columns[f.column]; isUnavailable(value) {
			unavailable = append(unavailable, f.column)
			continue
		}
		to, err := dst.FieldByIndexErr(f.index)
		if err != nil {
			return nil, err
		}
		if err := r.column(columns, f.column, s, f.options, f.codec, to); err != nil {
			return nil, err
		}
	}
	return unavailable, nil
}

func (r *row) decodeMap(
	raw json.RawMessage, columns map[string]json.RawMessage, s *schema, dst reflect.Value,
) (unavailable []string, err error) {
	err = r.codec.decode(raw, s, dst)
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if isUnavailable(columns[column]) {
			unavailable = append(unavailable, column)
			dst.SetMapIndex(reflect.ValueOf(column).Convert(dst.Type().Key()), reflect.Value{})
		}
	}
	return unavailable, err
}

func (r *row) column(
	columns map[string]json.RawMessage, name string, s *schema, o options, c codec, dst reflect.Value,
) error {
	value, ok := columns[name]
	if !ok {
		if o.optional {
			return nil
		}
		return &ColumnError{Column: name, Field: dst.Type(), Err: ErrNoColumn}
	}
	return within(name, dst.Type(), c.decode(value, s.of(name), dst))
}

// within names the column of an error, and those around it.
func within(name string, t reflect.Type, err error) error {
	var inner *ColumnError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &inner):
		joint := "."
		if strings.HasPrefix(inner.Column, "[") {
			joint = ""
		}
		return &ColumnError{Column: name + joint + inner.Column, Field: inner.Field, Err: inner.Err}
	}
	return &ColumnError{Column: name, Field: t, Err: err}
}

// append writes a row as Connect's JSON converter does: columns in the order of the fields, no blanks.
func (r *row) append(dst []byte, v reflect.Value) ([]byte, error) {
	if r.fields == nil && r.single == "" {
		return r.codec.append(dst, v)
	}
	dst = append(dst, '{')
	var err error
	if r.single != "" {
		dst = append(appendText(dst, r.single), ':')
		if dst, err = r.codec.append(dst, v); err != nil {
			return dst, within(r.single, r.t, err)
		}
		return append(dst, '}'), nil
	}
	for i, f := range r.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, f.column), ':')
		from, err := v.FieldByIndexErr(f.index)
		if err != nil {
			return dst, err
		}
		if dst, err = f.codec.append(dst, from); err != nil {
			return dst, within(f.column, from.Type(), err)
		}
	}
	return append(dst, '}'), nil
}

// keep copies columns from one row to another.
func (r *row) keep(columns []string, from, to reflect.Value) {
	if r.fields == nil {
		for _, column := range columns {
			key := reflect.ValueOf(column).Convert(r.t.Key())
			to.SetMapIndex(key, from.MapIndex(key))
		}
	}
	for _, f := range r.fields {
		for _, column := range columns {
			if f.column == column {
				to.FieldByIndex(f.index).Set(from.FieldByIndex(f.index))
			}
		}
	}
}

// What the connector writes for a value that it does not have: this text, its bytes, or a list of either.
const placeholder = "__debezium_unavailable_value"

var placeholders = [][]byte{
	[]byte(`"` + placeholder + `"`), []byte(`"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="`),
	[]byte(`["` + placeholder + `"]`), placeholderNumbers(),
}

func placeholderNumbers() []byte {
	var numbers []string
	for _, b := range []byte(placeholder) {
		numbers = append(numbers, strconv.Itoa(int(b)))
	}
	return []byte("[" + strings.Join(numbers, ",") + "]")
}

func isUnavailable(value json.RawMessage) bool {
	for _, p := range placeholders {
		if bytes.Equal(value, p) {
			return true
		}
	}
	return false
}
