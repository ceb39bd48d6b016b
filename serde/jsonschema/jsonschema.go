package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millstream-go/millstream/serde"
)

// ValidationError says where a document does not fit the schema: SchemaURL string, InstanceLocation []string (the path
// in the document), ErrorKind jsonschema.ErrorKind, and the parts of it, Causes []*ValidationError. See
// [jsonschema.ValidationError].
type ValidationError = jsonschema.ValidationError

// Serde is a serde of one schema. It is made by With or Generic.
type Serde[T any] struct {
	schema *jsonschema.Schema // nil: Generic
	source serde.Schema
	format string
	err    error
}

// With has the schema that the text says. Others that it names by $ref are in the references, under that name. What is
// wrong with the text Err tells, and so does Build.
func With[T any](text string, references ...serde.Reference) *Serde[T] {
	s := &Serde[T]{source: serde.Schema{Type: serde.JSONSchema, Text: text, References: references}}
	var top struct {
		Title string `json:"title"`
	}
	if err := json.Unmarshal([]byte(text), &top); err != nil && text != "true" && text != "false" {
		s.err = fmt.Errorf("serde: jsonschema: schema: %w", err)
		return s
	}
	s.source.Name = top.Title
	s.format = fmt.Sprintf("json(%s)", top.Title)
	s.schema, s.err = compile(s.source)
	return s
}

// Generic has no schema of its own: it reads any JSON and writes nothing. Numbers are json.Number. It is for tools.
func Generic() *Serde[any] {
	return &Serde[any]{source: serde.Schema{Type: serde.JSONSchema}, format: "json"}
}

// top is the address of the schema; those that it refers to by a relative $ref lie beside it.
const (
	beside = "schema:///"
	top    = beside + "top"
)

func compile(s serde.Schema) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseLoader(closed{})
	if err := add(c, map[string]bool{}, top, s); err != nil {
		return nil, fmt.Errorf("serde: jsonschema: schema: %w", err)
	}
	schema, err := c.Compile(top)
	if err != nil {
		return nil, fmt.Errorf("serde: jsonschema: schema: %w", err)
	}
	return schema, nil
}

func add(c *jsonschema.Compiler, known map[string]bool, url string, s serde.Schema) error {
	if known[url] {
		return nil
	}
	known[url] = true
	doc, err := parse([]byte(s.Text))
	if err != nil {
		return err
	}
	if err := c.AddResource(url, doc); err != nil {
		return err
	}
	for _, r := range s.References {
		if err := add(c, known, address(r.Name), r.Schema); err != nil {
			return fmt.Errorf("reference %s: %w", r.Name, err)
		}
	}
	return nil
}

// address is that of a reference: an absolute one is its own.
func address(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return beside + name
}

// closed loads nothing.
type closed struct{}

func (closed) Load(url string) (any, error) {
	return nil, fmt.Errorf("no schema %s among the references", url)
}

// parse reads a whole document.
func parse(src []byte) (any, error) { return jsonschema.UnmarshalJSON(bytes.NewReader(src)) }

// Format names the title of the schema.
func (s *Serde[T]) Format() string { return s.format }

// Err is what is wrong with the schema.
func (s *Serde[T]) Err() error { return s.err }

// Schema is the text; it is empty for Generic.
func (s *Serde[T]) Schema() serde.Schema { return s.source }

var errGeneric = errors.New("serde: jsonschema: Generic has no schema: it only reads")

// Append writes a value that the schema allows. The error of another wraps a ValidationError.
func (s *Serde[T]) Append(dst []byte, v T) ([]byte, error) {
	switch {
	case s.err != nil:
		return dst, s.err
	case s.schema == nil:
		return dst, errGeneric
	}
	b, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("serde: jsonschema: %w", err)
	}
	if _, err := s.check(b); err != nil {
		return dst, err
	}
	return append(dst, b...), nil
}

// Decode reads a value that the schema allows. The error of another wraps a ValidationError.
func (s *Serde[T]) Decode(src []byte) (v T, err error) {
	if s.err != nil {
		return v, s.err
	}
	doc, err := s.check(src)
	if err != nil {
		return v, err
	}
	if any, ok := any(&v).(*any); ok {
		*any = doc
		return v, nil
	}
	if err := json.Unmarshal(src, &v); err != nil {
		return v, fmt.Errorf("serde: jsonschema: %s: %w", s.source.Name, err)
	}
	return v, nil
}

// check is the document, if it is one that the schema allows.
func (s *Serde[T]) check(src []byte) (doc any, err error) {
	if doc, err = parse(src); err == nil && s.schema != nil {
		err = s.schema.Validate(doc)
	}
	if err != nil {
		return nil, fmt.Errorf("serde: jsonschema: %s: %w", s.source.Name, err)
	}
	return doc, nil
}

// Resolve gives the function that reads what another schema wrote: JSON is held against the reader's schema alone.
func (s *Serde[T]) Resolve(writer serde.Schema) (func(src []byte) (T, error), error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case writer.Type != serde.JSONSchema:
		return nil, fmt.Errorf("serde: jsonschema: the writer's schema is of type %s", writer.Type)
	}
	return s.Decode, nil
}
