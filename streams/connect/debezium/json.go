package debezium

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// JSON is the serde of change events as Connect's JSON converter writes them, with schemas or without: it sees which.
// R is the type of a row, a struct with a field for each column that matters (see the package's comment), or
// map[string]any. It writes events without schemas, for tests and repartition topics.
//
// Decode returns an ErrEnvelope for what is no change event, a ColumnError for a column that does not fit.
func JSON[R any]() serde.Serde[Change[R]] {
	r, err := structRow(reflect.TypeFor[R]())
	return &changes[R]{row: r, err: err}
}

type changes[R any] struct {
	row     *row
	err     error
	schemas schemas
}

// Err is what is wrong with the type of the row.
func (c *changes[R]) Err() error { return c.err }

// Format is debezium-json.
func (c *changes[R]) Format() string { return "debezium-json" }

// envelope is a change event, or one with its schema.
type envelope struct {
	Schema  json.RawMessage `json:"schema"`
	Payload json.RawMessage `json:"payload"`

	Op          *Op             `json:"op"`
	Before      json.RawMessage `json:"before"`
	After       json.RawMessage `json:"after"`
	Source      json.RawMessage `json:"source"`
	Transaction *Transaction    `json:"transaction"`
	Message     *LogMessage     `json:"message"`
	instant
}

// instant is a time in up to three precisions; the finest counts.
type instant struct {
	Millis int64 `json:"ts_ms"`
	Micros int64 `json:"ts_us"`
	Nanos  int64 `json:"ts_ns"`
}

func (i instant) time() time.Time {
	switch {
	case i.Nanos != 0:
		return time.Unix(0, i.Nanos).UTC()
	case i.Micros != 0:
		return time.UnixMicro(i.Micros).UTC()
	case i.Millis != 0:
		return time.UnixMilli(i.Millis).UTC()
	}
	return time.Time{}
}

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return instant{}
	}
	return instant{Millis: t.UnixMilli(), Micros: t.UnixMicro(), Nanos: t.UnixNano()}
}

func (c *changes[R]) Decode(src []byte) (change Change[R], err error) {
	if c.err != nil {
		return change, c.err
	}
	e, s, err := c.schemas.open(src)
	if err != nil {
		return change, err
	}
	change = Change[R]{Op: *e.Op, Transaction: e.Transaction, Message: e.Message, At: e.time()}
	before, missing, err := rowOf[R](c.row, e.Before, s.of("before"))
	if err != nil {
		return change, fmt.Errorf("before: %w", err)
	}
	if len(missing) == 0 { // half a row would look like a whole one
		change.Before = before
	}
	if change.After, change.Unavailable, err = rowOf[R](c.row, e.After, s.of("after")); err != nil {
		return change, err
	}
	change.Source, err = sourceOf(e.Source)
	return change, err
}

// open finds the event, and its schema if there is one.
func (s *schemas) open(src []byte) (e envelope, of *schema, err error) {
	if err := json.Unmarshal(src, &e); err != nil {
		return e, nil, envelopeError("%v", err)
	}
	if e.Op == nil && e.Payload != nil && e.Schema != nil {
		if of, err = s.read(e.Schema); err != nil {
			return e, nil, envelopeError("schema: %v", err)
		}
		payload := e.Payload
		e = envelope{}
		if err := json.Unmarshal(payload, &e); err != nil {
			return e, nil, envelopeError("payload: %v", err)
		}
	}
	return e, of, e.check()
}

func (e envelope) check() error {
	if e.Op == nil {
		return envelopeError("it has no op")
	}
	switch *e.Op {
	case Create, Update, Read:
		if len(e.After) == 0 || null(e.After) {
			return envelopeError("op %s has no after", *e.Op)
		}
	case Delete, Truncate, Message:
	default:
		return &OpError{Op: *e.Op}
	}
	return nil
}

func rowOf[R any](r *row, raw json.RawMessage, s *schema) (v streams.Optional[R], unavailable []string, err error) {
	if len(raw) == 0 || null(raw) {
		return v, nil, nil
	}
	unavailable, err = r.decode(raw, s, reflect.ValueOf(&v.Value).Elem())
	v.OK = err == nil
	return v, unavailable, err
}

// source is the block as it is written.
type source struct {
	Version   string `json:"version"`
	Connector string `json:"connector"`
	Name      string `json:"name"`
	instant
	Snapshot flag   `json:"snapshot"`
	Database string `json:"db"`
	Sequence string `json:"sequence"`
	Schema   string `json:"schema"`
	Table    string `json:"table"`
	TxID     int64  `json:"txId"`
	LSN      int64  `json:"lsn"`
}

// flag is text, or in older versions a boolean.
type flag string

func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null":
	case "true", "false":
		*f = flag(b)
	default:
		return json.Unmarshal(b, (*string)(f))
	}
	return nil
}

func sourceOf(raw json.RawMessage) (Source, error) {
	var s source
	if len(raw) == 0 || null(raw) {
		return Source{}, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Source{}, envelopeError("source: %v", err)
	}
	return Source{
		Version: s.Version, Connector: s.Connector, Name: s.Name, Database: s.Database, Schema: s.Schema, Table: s.Table,
		Snapshot: string(s.Snapshot), At: s.time(), TxID: s.TxID, LSN: s.LSN, Sequence: s.Sequence, JSON: raw,
	}, nil
}

func (c *changes[R]) Append(dst []byte, v Change[R]) (_ []byte, err error) {
	if c.err != nil {
		return dst, c.err
	}
	dst = append(dst, `{"before":`...)
	if dst, err = appendRow(dst, c.row, v.Before); err != nil {
		return dst, err
	}
	dst = append(dst, `,"after":`...)
	if dst, err = appendRow(dst, c.row, v.After); err != nil {
		return dst, err
	}
	rest, err := json.Marshal(struct {
		Source      source       `json:"source"`
		Transaction *Transaction `json:"transaction"`
		Message     *LogMessage  `json:"message,omitempty"`
		Op          Op           `json:"op"`
		instant
	}{sourceFrom(v.Source), v.Transaction, v.Message, v.Op, instantOf(v.At)})
	if err != nil {
		return dst, err
	}
	dst = append(dst, ',')
	return append(dst, rest[1:]...), nil
}

func sourceFrom(s Source) source {
	return source{
		Version: s.Version, Connector: s.Connector, Name: s.Name, Database: s.Database, Schema: s.Schema, Table: s.Table,
		Snapshot: flag(s.Snapshot), instant: instantOf(s.At), TxID: s.TxID, LSN: s.LSN, Sequence: s.Sequence,
	}
}

func appendRow[R any](dst []byte, r *row, v streams.Optional[R]) ([]byte, error) {
	if !v.OK {
		return append(dst, "null"...), nil
	}
	return r.append(dst, reflect.ValueOf(&v.Value).Elem())
}

// RowSerde reads and writes rows by themselves: JSON objects with a field for each column. It is a serde.Serde[R].
type RowSerde[R any] struct{ of *rows }

type rows struct {
	row     *row
	err     error
	schemas schemas
	schema  string // written before each row; empty: none
}

// JSONRow is the serde of rows of a struct type, in the columns' form: keys of several columns, rows of a store, and
// records that the connector has unwrapped (ExtractNewRecordState). It reads them with schemas and without, and writes
// them without: a key then has the bytes that a connector gives it whose key.converter.schemas.enable is false.
func JSONRow[R any]() RowSerde[R] {
	r, err := structRow(reflect.TypeFor[R]())
	return RowSerde[R]{of: &rows{row: r, err: err}}
}

// JSONColumn is JSONRow for rows of one column, whose type K is no struct: most keys are {"id":1}.
func JSONColumn[K any](column string) RowSerde[K] {
	r, err := columnRow(reflect.TypeFor[K](), column)
	return RowSerde[K]{of: &rows{row: r, err: err}}
}

// WithSchema is the same serde for a topic whose connector has key.converter.schemas.enable=true: it writes the schema,
// too, with the given name, which is that of the topic and ".Key". Keys only have the bytes of the topic's then, which
// a join by foreign key with such a table needs to find the partition.
func (s RowSerde[R]) WithSchema(name string) RowSerde[R] {
	of := &rows{row: s.of.row, err: s.of.err}
	if of.err == nil {
		of.schema, of.err = keySchema(of.row, name)
	}
	return RowSerde[R]{of: of}
}

// Err is what is wrong with the type of the row.
func (s RowSerde[R]) Err() error { return s.of.err }

// Format is debezium-row.
func (s RowSerde[R]) Format() string { return "debezium-row" }

// Decode reads a row. It returns a ColumnError for a column that does not fit.
func (s RowSerde[R]) Decode(src []byte) (v R, err error) {
	if s.of.err != nil {
		return v, s.of.err
	}
	raw, schema, err := s.of.open(src)
	if err != nil {
		return v, err
	}
	unavailable, err := s.of.row.decode(raw, schema, reflect.ValueOf(&v).Elem())
	if err == nil && len(unavailable) > 0 {
		err = &UnavailableError{Columns: unavailable}
	}
	return v, err
}

// open finds the row, and its schema if there is one.
func (r *rows) open(src []byte) (json.RawMessage, *schema, error) {
	if !json.Valid(src) {
		return nil, nil, fmt.Errorf("debezium: a row is a JSON object, not %.60q", src)
	}
	var e struct{ Schema, Payload json.RawMessage }
	if json.Unmarshal(src, &e) != nil || e.Schema == nil || e.Payload == nil || !withSchema(src) {
		return src, nil, nil
	}
	s, err := r.schemas.read(e.Schema)
	if err != nil {
		return nil, nil, fmt.Errorf("debezium: schema: %w", err)
	}
	return e.Payload, s, nil
}

// withSchema is true for a row behind its schema. A plain row may have columns of these names, in other letters, or
// among others.
func withSchema(src []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(src, &members) != nil || len(members) != 2 || members["payload"] == nil {
		return false
	}
	var schema struct{ Type string }
	return json.Unmarshal(members["schema"], &schema) == nil && schema.Type != ""
}

// Append writes a row.
func (s RowSerde[R]) Append(dst []byte, v R) ([]byte, error) {
	if s.of.err != nil {
		return dst, s.of.err
	}
	if s.of.schema == "" {
		return s.of.row.append(dst, reflect.ValueOf(&v).Elem())
	}
	dst = append(append(dst, s.of.schema...), `,"payload":`...)
	dst, err := s.of.row.append(dst, reflect.ValueOf(&v).Elem())
	return append(dst, '}'), err
}

// keySchema is the beginning of a key with its schema, as Connect's JSON converter writes it.
func keySchema(r *row, name string) (string, error) {
	fields := r.fields
	if r.single != "" {
		fields = []field{{column: r.single, codec: r.codec}}
	}
	out := []byte(`{"schema":{"type":"struct","fields":[`)
	for i, f := range fields {
		if f.codec.kind == "" {
			return "", fmt.Errorf("debezium: column %q of a key has a type without a schema", f.column)
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(strconv.AppendQuote(append(out, `{"type":`...), f.codec.kind), `,"optional":false`...)
		if f.codec.name != "" {
			out = append(strconv.AppendQuote(append(out, `,"name":`...), f.codec.name), `,"version":1`...)
		}
		out = append(appendText(append(out, `,"field":`...), f.column), '}')
	}
	return string(append(appendText(append(out, `],"optional":false,"name":`...), name), '}')), nil
}
