package serde

import (
	"encoding/json"
	"fmt"
)

// JSON encodes values with encoding/json.
func JSON[T any]() Serde[T] { return jsonSerde[T]{} }

type jsonSerde[T any] struct{}

func (jsonSerde[T]) Format() string { return "json" }

func (jsonSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("serde: json: %w", err)
	}
	return append(dst, b...), nil
}

func (jsonSerde[T]) Decode(src []byte) (v T, err error) {
	if err := json.Unmarshal(src, &v); err != nil {
		return v, fmt.Errorf("serde: json: %w", err)
	}
	return v, nil
}
