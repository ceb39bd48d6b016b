package serde

import (
	"encoding/json"
	"fmt"
)

// JSON encodes values with encoding/json.
func JSON[T any]() Serde[T] { return &jsonSerde[T]{} }

// jsonSerde has the types: what it calls is compiled once.
type jsonSerde[T any] struct{}

func (*jsonSerde[T]) Format() string { return "json" }

func (*jsonSerde[T]) Append(dst []byte, v T) ([]byte, error) { return appendJSON(dst, v) }

func (*jsonSerde[T]) Decode(src []byte) (v T, err error) {
	err = decodeJSON(src, &v)
	return v, err
}

//go:noinline
func appendJSON(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("serde: json: %w", err)
	}
	return append(dst, b...), nil
}

//go:noinline
func decodeJSON(src []byte, pointer any) error {
	if err := json.Unmarshal(src, pointer); err != nil {
		return fmt.Errorf("serde: json: %w", err)
	}
	return nil
}
