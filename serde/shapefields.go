package serde

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// rules tell which fields of structs are in the bytes, and how they are called.
type rules struct {
	tag    string // of struct fields; empty: names of Go
	opaque func(t reflect.Type) bool
}

func rulesOf(format string) rules {
	switch {
	case format == "json", strings.HasPrefix(format, "json("): // that of a JSON Schema names its title
		return rules{tag: "json", opaque: func(t reflect.Type) bool { return writesItself(t, jsonMethods) }}
	case format == "msgpack":
		return rules{tag: "msgpack", opaque: encodesItself}
	}
	return rules{opaque: func(reflect.Type) bool { return false }}
}

var jsonMethods = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}

func writesItself(t reflect.Type, methods []reflect.Type) bool {
	for _, m := range methods {
		if t.Kind() != reflect.Interface && (t.Implements(m) || reflect.PointerTo(t).Implements(m)) {
			return true
		}
	}
	return false
}

// shapeField is a field as it is encoded. Of several with one name the one that is embedded least deep counts.
type shapeField struct {
	name    string
	t       reflect.Type
	options string
	depth   int
	tagged  bool
}

// fieldsOf are the fields of a struct in the order of their bytes, those of embedded structs in their place.
func (r rules) fieldsOf(t reflect.Type) []shapeField {
	all := r.collect(t, 0, nil, map[reflect.Type]bool{})
	var out []shapeField
	for i, f := range all {
		if !hidden(all, i) {
			out = append(out, f)
		}
	}
	if r.asArray(t) {
		for i := range out {
			out[i].name = strconv.Itoa(i)
		}
	}
	return out
}

func hidden(all []shapeField, i int) bool {
	f := all[i]
	for j, o := range all {
		if i == j || o.name != f.name || o.depth > f.depth {
			continue
		}
		if o.depth < f.depth || o.tagged || !f.tagged {
			return true
		}
	}
	return false
}

// asArray is true for structs that Msgpack writes without names.
func (r rules) asArray(t reflect.Type) bool {
	f, ok := t.FieldByName("_msgpack")
	return r.tag == "msgpack" && ok && (has(f.Tag.Get(r.tag), "as_array") || has(f.Tag.Get(r.tag), "asArray"))
}

func (r rules) collect(t reflect.Type, depth int, out []shapeField, around map[reflect.Type]bool) []shapeField {
	if around[t] {
		return out
	}
	around[t] = true
	defer delete(around, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := ""
		if r.tag != "" {
			tag = f.Tag.Get(r.tag)
		}
		name, _, _ := strings.Cut(tag, ",")
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		inline := f.Anonymous && embedded.Kind() == reflect.Struct && !r.opaque(embedded) && r.inlines(name, tag)
		switch {
		case tag == "-" || name == "-" && r.tag == "msgpack":
		case inline:
			out = r.collect(embedded, depth+1, out, around)
		case f.IsExported():
			if name == "" {
				out = append(out, shapeField{f.Name, f.Type, options(tag), depth, false})
			} else {
				out = append(out, shapeField{name, f.Type, options(tag), depth, true})
			}
		}
	}
	return out
}

func (r rules) inlines(name, tag string) bool {
	if r.tag == "msgpack" {
		return !has(tag, "noinline")
	}
	return name == ""
}

// options are those of a tag that change the bytes.
func options(tag string) (out string) {
	for _, o := range []string{"string", "omitempty", "omitzero"} {
		if has(tag, o) {
			out += "," + o
		}
	}
	return out
}

func has(tag, option string) bool {
	_, all, _ := strings.Cut(tag, ",")
	for o := range strings.SplitSeq(all, ",") {
		if o == option {
			return true
		}
	}
	return false
}
