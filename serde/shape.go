package serde

import (
	"reflect"
	"strings"
)

// Shape is what the bytes of a value depend on besides the name of their format: lock files record it, see
// topology.Lock.
type Shape struct {
	Type string `json:"type"` // the Go type, named ones with the path of their package
	// Fields of structs, within the type or below it, in the order of their bytes: path of the names as encoded, a space,
	// and the type; behind a comma, options that leave a field out. Serdes that are neither JSON nor Msgpack have the
	// exported fields of the Go type.
	Fields []string `json:"fields,omitempty"`
}

// ShapesOf are the shapes of what serdes write: of each one, or those of its parts, if it has a method Parts() []any
// that tells of which serdes it is made. A method Shape() Shape tells that of a serde, in place of the Go type. Serdes
// within the library have none: their formats say all.
func ShapesOf(serdes ...any) (out []Shape) {
	for _, s := range serdes {
		if p, ok := s.(interface{ Parts() []any }); ok {
			out = append(out, ShapesOf(p.Parts()...)...)
		} else {
			out = append(out, shapeOf(s)...)
		}
	}
	return out
}

func shapeOf(serde any) []Shape {
	if s, ok := serde.(interface{ Shape() Shape }); ok {
		return []Shape{s.Shape()}
	}
	t := reflect.TypeOf(serde)
	if t == nil || internal(t) {
		return nil
	}
	decode, ok := t.MethodByName("Decode")
	if !ok || decode.Type.NumOut() == 0 {
		return nil
	}
	value := decode.Type.Out(0)
	w := walk{rules: rulesOf(FormatOf(serde)), within: map[reflect.Type]bool{}}
	w.top(value)
	return []Shape{{Type: fullName(value), Fields: w.fields}}
}

func internal(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return strings.HasPrefix(t.PkgPath(), "github.com/millstream-go/millstream/internal/")
}

// walk collects the fields of a type.
type walk struct {
	rules  rules
	within map[reflect.Type]bool // structs around: types may hold themselves
	fields []string
}

func (w *walk) top(t reflect.Type) {
	if w.hasFields(t) {
		w.inside("", t)
		return
	}
	if text := w.text("", t); len(w.fields) > 0 {
		w.fields = append([]string{"(value) " + text}, w.fields...)
	}
}

func (w *walk) hasFields(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !w.rules.opaque(t) && len(w.rules.fieldsOf(t)) > 0
}

// inside adds the fields of a struct, under the path of the names that lead to it.
func (w *walk) inside(path string, t reflect.Type) {
	w.within[t] = true
	defer delete(w.within, t)
	for _, f := range w.rules.fieldsOf(t) {
		name := path + f.name
		at := len(w.fields)
		w.fields = append(w.fields, "")
		w.fields[at] = name + " " + w.text(name+".", f.t) + f.options
	}
}

// text is a type without spaces. Structs within it are added under path.
func (w *walk) text(path string, t reflect.Type) string {
	switch {
	case w.rules.opaque(t):
		return fullName(t)
	case w.hasFields(t):
		if w.within[t] {
			return fullName(t)
		}
		w.inside(path, t)
		return "struct"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + w.text(path, t.Elem())
	case reflect.Slice:
		return "[]" + w.text(path, t.Elem())
	case reflect.Array:
		return strings.TrimSuffix(fullName(reflect.ArrayOf(t.Len(), reflect.TypeFor[int]())), "int") + w.text(path, t.Elem())
	case reflect.Map:
		return "map[" + w.text(path+"(key).", t.Key()) + "]" + w.text(path, t.Elem())
	case reflect.Struct, reflect.Interface:
		return fullName(t)
	}
	if t.PkgPath() == "" {
		return t.String()
	}
	return t.Kind().String() + "(" + fullName(t) + ")"
}

// fullName is a type with the paths of packages, and without spaces.
func fullName(t reflect.Type) string {
	name := t.String()
	switch {
	case t.Name() != "" && t.PkgPath() != "":
		name = t.PkgPath() + "." + t.Name()
	case t.Name() != "":
	case t.Kind() == reflect.Pointer:
		name = "*" + fullName(t.Elem())
	case t.Kind() == reflect.Slice:
		name = "[]" + fullName(t.Elem())
	case t.Kind() == reflect.Map:
		name = "map[" + fullName(t.Key()) + "]" + fullName(t.Elem())
	}
	return strings.ReplaceAll(name, " ", "")
}
