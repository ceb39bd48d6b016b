package avrochange

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/streams/connect/debezium"
)

// Codec reads values of an Avro schema that a registry has, for registry.Of. It writes nothing.
type Codec[T any] struct{ value serde.Serde[T] }

// Of is the codec of change events with rows of type R.
func Of[R any]() Codec[debezium.Change[R]] {
	return Codec[debezium.Change[R]]{value: debezium.JSON[R]()}
}

// Row is the codec of rows by themselves: keys of several columns, and records that the connector has unwrapped.
func Row[R any]() Codec[R] { return Codec[R]{value: debezium.JSONRow[R]()} }

// Column is the codec of rows of one column: of most keys.
func Column[K any](name string) Codec[K] { return Codec[K]{value: debezium.JSONColumn[K](name)} }

var (
	errWrites = errors.New("avrochange: change events in Avro are read only")
	errSchema = errors.New("avrochange: a value needs the schema that wrote it: use registry.Of")
)

// Schema has no text: nothing is written.
func (c Codec[T]) Schema() serde.Schema { return serde.Schema{Type: serde.AvroSchema} }

// Err is what is wrong with the type of the row.
func (c Codec[T]) Err() error { return serde.ErrOf(c.value) }

// Append returns an error.
func (c Codec[T]) Append(dst []byte, _ T) ([]byte, error) { return dst, errWrites }

// Decode returns an error: see Resolve.
func (c Codec[T]) Decode([]byte) (v T, err error) { return v, errSchema }

// Resolve gives the function that reads what a schema wrote: values go through the form of Connect's JSON converter,
// with its schema, so that one reader knows what columns mean.
func (c Codec[T]) Resolve(writer serde.Schema) (decode func(src []byte) (T, error), err error) {
	if len(writer.References) > 0 {
		return nil, errors.New("avrochange: the writer's schema refers to others, which converters of Connect do not write")
	}
	var node any
	if err := json.Unmarshal([]byte(writer.Text), &node); err != nil {
		return nil, fmt.Errorf("avrochange: the writer's schema: %w", err)
	}
	schema, err := json.Marshal(connect(node, map[string]any{}))
	if err != nil {
		return nil, fmt.Errorf("avrochange: the writer's schema: %w", err)
	}
	plain, err := json.Marshal(withoutLogical(node))
	if err != nil {
		return nil, fmt.Errorf("avrochange: the writer's schema: %w", err)
	}
	writer.Text = string(plain)
	generic, err := avro.Generic().Resolve(writer)
	if err != nil {
		return nil, err
	}
	head := append(append([]byte(`{"schema":`), schema...), `,"payload":`...)
	return func(src []byte) (v T, err error) {
		value, err := generic(src)
		if err != nil {
			return v, err
		}
		payload, err := json.Marshal(finite(value))
		if err != nil {
			return v, fmt.Errorf("avrochange: %w", err)
		}
		return c.value.Decode(append(append(head[:len(head):len(head)], payload...), '}'))
	}, nil
}

// finite is a value with numbers that JSON cannot write as the texts that Connect writes.
func finite(value any) any {
	switch v := value.(type) {
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
	case float32:
		if f, text := finite(float64(v)).(string); text {
			return f
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = finite(v[name])
		}
	}
	return value
}
