package protobuf

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/millstream-go/millstream/serde"
)

// Serde is a serde of one type of messages. It is made by Of or Generic.
type Serde[T proto.Message] struct {
	message protoreflect.MessageType // nil: Generic
	names   []protoreflect.FullName  // of the messages that are read as T
	source  serde.Schema
	format  string
	err     error
}

// Of is the serde of a generated type of messages: Of[*pb.Order](). A nil message is an error: a null value is none of
// the serde's. also are full names of messages of other schemas in a registry that are read as T, for one that had
// another name or package; the message's own is always.
func Of[T proto.Message](also ...string) *Serde[T] {
	var zero T
	if reflect.TypeFor[T]().Kind() != reflect.Pointer {
		return &Serde[T]{err: fmt.Errorf("serde: protobuf: %v is not a generated type of messages", reflect.TypeFor[T]())}
	}
	message := zero.ProtoReflect().Type()
	name := message.Descriptor().FullName()
	s := &Serde[T]{message: message, names: []protoreflect.FullName{name}, format: fmt.Sprintf("protobuf(%s)", name)}
	for _, n := range also {
		s.names = append(s.names, protoreflect.FullName(n))
	}
	s.source, s.err = schemaOf(message.Descriptor())
	return s
}

// Generic has no schema of its own: it reads, by a registry, each message as the schema that wrote it says, and writes
// nothing. It is for tools.
func Generic() *Serde[*dynamicpb.Message] {
	return &Serde[*dynamicpb.Message]{source: serde.Schema{Type: serde.ProtobufSchema}, format: "protobuf"}
}

// Format names the message.
func (s *Serde[T]) Format() string { return s.format }

// Err is what is wrong with the type.
func (s *Serde[T]) Err() error { return s.err }

// Shape has the fields by their numbers, which alone are in the bytes.
func (s *Serde[T]) Shape() serde.Shape {
	if s.message == nil {
		return serde.Shape{Type: "protobuf"}
	}
	d := s.message.Descriptor()
	w := shapes{within: map[protoreflect.FullName]bool{}}
	w.inside("", d)
	return serde.Shape{Type: string(d.FullName()), Fields: w.fields}
}

// Schema is the file of the message; its Text is empty for Generic. Imports of it are references, under their paths as
// subjects, but for those of Protobuf itself.
func (s *Serde[T]) Schema() serde.Schema { return s.source }

var (
	errGeneric = errors.New("serde: protobuf: Generic has no schema: it only reads, by a registry")
	errNil     = errors.New("serde: protobuf: the message is nil")
	marshal    = proto.MarshalOptions{Deterministic: true}
	// Lazy decoding would keep the bytes.
	unmarshal = proto.UnmarshalOptions{NoLazyDecoding: true}
)

// Append writes a message, the entries of its maps in the order of their keys.
func (s *Serde[T]) Append(dst []byte, v T) ([]byte, error) {
	switch {
	case s.err != nil:
		return dst, s.err
	case s.message == nil:
		return dst, errGeneric
	case !v.ProtoReflect().IsValid():
		return dst, errNil
	}
	dst, err := marshal.MarshalAppend(dst, v)
	if err != nil {
		return dst, fmt.Errorf("serde: protobuf: %s: %w", s.names[0], err)
	}
	return dst, nil
}

// Decode reads a message, whatever schema wrote it: it goes by the numbers of fields.
func (s *Serde[T]) Decode(src []byte) (v T, err error) {
	switch {
	case s.err != nil:
		return v, s.err
	case s.message == nil:
		return v, errGeneric
	}
	return decode[T](s.message, src)
}

func decode[T proto.Message](message protoreflect.MessageType, src []byte) (T, error) {
	v := message.New().Interface().(T)
	if err := unmarshal.Unmarshal(src, v); err != nil {
		var none T
		return none, fmt.Errorf("serde: protobuf: %s: %w", message.Descriptor().FullName(), err)
	}
	return v, nil
}

// Resolve gives the function that reads what another schema wrote. The error wraps a ResolveError if its message has
// another name, or if a field of one number has a type there whose bytes are another's here: Protobuf would pass over
// such a field without a word. Bytes of the kinds int32, int64, uint32, uint64, bool and enum are alike, and so are
// those of string and bytes.
func (s *Serde[T]) Resolve(writer serde.Schema) (func(src []byte) (T, error), error) {
	if s.err != nil {
		return nil, s.err
	}
	wrote, err := compile(writer)
	if err != nil {
		return nil, err
	}
	if s.message == nil {
		message := dynamicpb.NewMessageType(wrote)
		return func(src []byte) (T, error) { return decode[T](message, src) }, nil
	}
	if !slices.Contains(s.names, wrote.FullName()) {
		return nil, &ResolveError{Writer: string(wrote.FullName()), Reader: string(s.names[0])}
	}
	if err := fits(wrote, s.message.Descriptor()); err != nil {
		return nil, err
	}
	return s.Decode, nil
}
