package debezium

import (
	"bytes"
	"encoding/json"
	"sync/atomic"
)

// schema is a schema of Connect, as its JSON converter writes it; nil: none is known.
type schema struct {
	Type       string            `json:"type"`
	Name       string            `json:"name"` // of the logical type
	Field      string            `json:"field"`
	Fields     []*schema         `json:"fields"`
	Items      *schema           `json:"items"`
	Values     *schema           `json:"values"`
	Parameters map[string]string `json:"parameters"`
	fields     map[string]*schema
}

// index makes fields findable by name, here and below.
func (s *schema) index() {
	if s == nil {
		return
	}
	s.fields = make(map[string]*schema, len(s.Fields))
	for _, f := range s.Fields {
		s.fields[f.Field] = f
		f.index()
	}
	s.Items.index()
	s.Values.index()
}

func (s *schema) of(field string) *schema {
	if s == nil {
		return nil
	}
	return s.fields[field]
}

func (s *schema) items() *schema {
	if s == nil {
		return nil
	}
	return s.Items
}

func (s *schema) values() *schema {
	if s == nil {
		return nil
	}
	return s.Values
}

// name is that of the logical type; empty without one.
func (s *schema) name() string {
	if s == nil {
		return ""
	}
	return s.Name
}

// kind is the type; empty without a schema.
func (s *schema) kind() string {
	if s == nil {
		return ""
	}
	return s.Type
}

// schemas remembers the schema that was read last: it comes with each record, and seldom changes.
type schemas struct{ last atomic.Pointer[known] }

type known struct {
	text   []byte
	schema *schema
}

func (s *schemas) read(text []byte) (*schema, error) {
	if k := s.last.Load(); k != nil && bytes.Equal(k.text, text) {
		return k.schema, nil
	}
	var parsed *schema
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, err
	}
	parsed.index()
	s.last.Store(&known{text: bytes.Clone(text), schema: parsed})
	return parsed, nil
}
