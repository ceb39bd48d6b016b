package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ResolveError says why messages of one schema cannot be read as another.
type ResolveError struct {
	Field  string // path of the names in the reader's schema; empty: the message itself
	Number int32  // of the field
	Writer string // type of the field, or full name of the message, in the schema that wrote
	Reader string // the same in the schema that reads
}

func (e *ResolveError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("serde: protobuf: the writer's message is %s, the reader's %s", e.Writer, e.Reader)
	}
	return fmt.Sprintf("serde: protobuf: field %s (number %d) is of type %s in the writer's schema, and %s in the "+
		"reader's", e.Field, e.Number, e.Writer, e.Reader)
}

// fits compares the fields of two messages that have one number, and those of the messages in them.
func fits(writer, reader protoreflect.MessageDescriptor) error {
	return comparison{}.messages("", writer, reader)
}

// comparison has the pairs of messages that are compared already: messages may hold themselves.
type comparison map[[2]protoreflect.FullName]bool

func (c comparison) messages(path string, writer, reader protoreflect.MessageDescriptor) error {
	pair := [2]protoreflect.FullName{writer.FullName(), reader.FullName()}
	if c[pair] {
		return nil
	}
	c[pair] = true
	for i := range reader.Fields().Len() {
		r := reader.Fields().Get(i)
		w := writer.Fields().ByNumber(r.Number())
		if w == nil {
			continue
		}
		name := path + string(r.Name())
		if w.IsMap() != r.IsMap() || bytesOf(w.Kind()) != bytesOf(r.Kind()) {
			return &ResolveError{Field: name, Number: int32(r.Number()), Writer: typeOf(w), Reader: typeOf(r)}
		}
		if r.Message() != nil {
			if err := c.messages(name+".", w.Message(), r.Message()); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytesOf is one of the kinds whose bytes are alike.
func bytesOf(k protoreflect.Kind) protoreflect.Kind {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind,
		protoreflect.EnumKind:
		return protoreflect.Int64Kind
	case protoreflect.Sint32Kind:
		return protoreflect.Sint64Kind
	case protoreflect.Fixed32Kind:
		return protoreflect.Sfixed32Kind
	case protoreflect.Fixed64Kind:
		return protoreflect.Sfixed64Kind
	case protoreflect.StringKind:
		return protoreflect.BytesKind
	}
	return k
}

// typeOf is the type of a field as a .proto file writes it.
func typeOf(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s, %s>", typeOf(f.MapKey()), typeOf(f.MapValue()))
	case f.Enum() != nil:
		return "enum " + string(f.Enum().FullName())
	case f.Message() != nil:
		return string(f.Message().FullName())
	}
	return f.Kind().String()
}

// shapes collects the fields of a message by their numbers.
type shapes struct {
	within map[protoreflect.FullName]bool // messages around
	fields []string
}

func (w *shapes) inside(path string, m protoreflect.MessageDescriptor) {
	w.within[m.FullName()] = true
	defer delete(w.within, m.FullName())
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		name := fmt.Sprintf("%s%d", path, f.Number())
		inner := f.Message()
		if inner == nil {
			w.fields = append(w.fields, name+" "+bytesOf(f.Kind()).String())
			continue
		}
		w.fields = append(w.fields, name+" message")
		if !w.within[inner.FullName()] {
			w.inside(name+".", inner)
		}
	}
}
