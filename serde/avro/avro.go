package avro

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/twmb/avro"

	"github.com/millstream-go/millstream/serde"
)

// Errors with fields, for errors.As.
type (
	// ResolveError says why bytes of one schema cannot be read as another: Path string of the field, WriterType and
	// ReaderType string, and Detail string. See [avro.CompatibilityError].
	ResolveError = avro.CompatibilityError
	// TruncatedError says that the bytes end within a value: its Type string, and how many bytes it takes and there are,
	// Need (0: not known) and Have int. See [avro.ShortBufferError].
	TruncatedError = avro.ShortBufferError
	// TypeError says that a Go type does not fit the schema: GoType reflect.Type, AvroType string, Field string, Err
	// error. See [avro.SemanticError].
	TypeError = avro.SemanticError
)

// Serde is a serde of one schema. It is made by Of, With or Generic.
type Serde[T any] struct {
	schema *avro.Schema // nil: Generic
	source serde.Schema
	format string
	maps   *mapOrder // nil if the schema has no maps
	err    error
	values sync.Pool // of *T: a value that the library sees by a pointer would be on the heap, each time
}

// Of has the schema that follows from the struct T, as avro.SchemaFor infers it: the record's name is the type's, and
// its namespace is the argument, which may be empty. A pointer becomes a union with null; tags give names, defaults,
// aliases and logical types.
func Of[T any](namespace string) *Serde[T] {
	opts := []avro.SchemaOpt{avro.WithNamespace(namespace)}
	schema, err := avro.SchemaFor[T](opts...)
	if err != nil {
		return &Serde[T]{err: fmt.Errorf("serde: avro: schema of %v: %w", reflect.TypeFor[T](), err)}
	}
	return of[T](schema, serde.Schema{Type: serde.AvroSchema, Text: schema.String()})
}

// With has the schema that the text says, in Avro's JSON. Named types that it does not define are in the references.
// What is wrong with the text Err tells, and so does Build. T may be any, or map[string]any: values are then maps for
// records, and the types that avro.Schema.Decode lists.
func With[T any](text string, references ...serde.Reference) *Serde[T] {
	source := serde.Schema{Type: serde.AvroSchema, Text: text, References: references}
	schema, err := parse(source)
	if err != nil {
		return &Serde[T]{err: err}
	}
	return of[T](schema, source)
}

// Generic has no schema of its own: it reads, by a registry, each value as the schema that wrote it says, and writes
// nothing. Values are maps for records, and the types that avro.Schema.Decode lists. It is for tools.
func Generic() *Serde[any] {
	return &Serde[any]{source: serde.Schema{Type: serde.AvroSchema}, format: "avro"}
}

func of[T any](schema *avro.Schema, source serde.Schema) *Serde[T] {
	root := schema.Root()
	source.Name = fullName(root.Namespace, root.Name)
	if source.Name == "" {
		source.Name = root.Type
	}
	maps, logical := orderOf(root)
	print := avro.NewRabin()
	print.Write(schema.Canonical())
	print.Write([]byte(logical))
	return &Serde[T]{
		schema: schema, source: source, maps: maps,
		format: fmt.Sprintf("avro(%s,%x)", source.Name, print.Sum(nil)),
	}
}

// parse makes a schema of a text, its references first.
func parse(s serde.Schema) (*avro.Schema, error) {
	var cache avro.SchemaCache
	return parseIn(&cache, s)
}

func parseIn(cache *avro.SchemaCache, s serde.Schema) (*avro.Schema, error) {
	for _, r := range s.References {
		if _, err := parseIn(cache, r.Schema); err != nil {
			return nil, fmt.Errorf("reference %s: %w", r.Name, err)
		}
	}
	schema, err := cache.Parse(s.Text)
	if err != nil {
		return nil, fmt.Errorf("serde: avro: schema: %w", err)
	}
	return schema, nil
}

// Format names the schema, and a fingerprint of what decides about the bytes: the canonical form and the logical types.
func (s *Serde[T]) Format() string { return s.format }

// Parts is empty: the fingerprint in the format says all that a lock file needs to know.
func (s *Serde[T]) Parts() []any { return nil }

// Err is what is wrong with the schema.
func (s *Serde[T]) Err() error { return s.err }

// Schema is what values are written by; its Text is empty for Generic.
func (s *Serde[T]) Schema() serde.Schema { return s.source }

var errGeneric = errors.New("serde: avro: Generic has no schema: it only reads, by a registry")

// Append writes a value. The entries of maps are in the order of their keys.
func (s *Serde[T]) Append(dst []byte, v T) ([]byte, error) {
	switch {
	case s.err != nil:
		return dst, s.err
	case s.schema == nil:
		return dst, errGeneric
	}
	from := len(dst)
	p := s.take()
	*p = v
	dst, err := s.schema.AppendEncode(dst, p)
	s.put(p)
	if err != nil {
		return dst, fmt.Errorf("serde: avro: %s: %w", s.source.Name, err)
	}
	if s.maps != nil {
		return s.maps.sort(dst, from)
	}
	return dst, nil
}

// Decode reads a value that this very schema wrote.
func (s *Serde[T]) Decode(src []byte) (v T, err error) {
	if s.err != nil {
		return v, s.err
	}
	if s.schema == nil {
		return v, errGeneric
	}
	return s.decode(s.schema, src)
}

// Resolve gives the function that reads what another schema wrote, by Avro's rules: fields are matched by name, or by
// the aliases of the reader; those that the writer lacks have the reader's defaults; numbers and strings are promoted.
// The error wraps a ResolveError if the schemas do not fit.
func (s *Serde[T]) Resolve(writer serde.Schema) (decode func(src []byte) (T, error), err error) {
	if s.err != nil {
		return nil, s.err
	}
	if writer.Type != serde.AvroSchema {
		return nil, fmt.Errorf("serde: avro: the writer's schema is of type %s", writer.Type)
	}
	wrote, err := parse(writer)
	if err != nil {
		return nil, err
	}
	if s.schema != nil {
		if wrote, err = avro.Resolve(wrote, s.schema); err != nil {
			return nil, fmt.Errorf("serde: avro: the writer's schema cannot be read as %s: %w", s.source.Name, err)
		}
	}
	return func(src []byte) (T, error) { return s.decode(wrote, src) }, nil
}

func (s *Serde[T]) decode(schema *avro.Schema, src []byte) (v T, err error) {
	p := s.take()
	rest, err := schema.Decode(src, p)
	if err != nil {
		s.put(p)
		return v, fmt.Errorf("serde: avro: %s: %w", s.source.Name, err)
	}
	v = *p
	s.put(p)
	if len(rest) > 0 {
		return v, fmt.Errorf("serde: avro: %s: %d bytes left over behind the value", s.source.Name, len(rest))
	}
	return v, nil
}

func (s *Serde[T]) take() *T {
	if p, ok := s.values.Get().(*T); ok {
		return p
	}
	return new(T)
}

// put gives a pointer back, and lets go of what it pointed to.
func (s *Serde[T]) put(p *T) {
	var zero T
	*p = zero
	s.values.Put(p)
}
