package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/window"
)

// Map makes another record of each: fn, of which each task has one, writes key and value of the result, pointers that
// are good until its next call. Timestamp and headers stay those of the input.
func Map(fn func() func(r, out *flow) error) graph.Step { return &mapper{fn: fn()} }

// MapOf makes what Map needs of a function with types.
//
//go:noinline
func MapOf[K, V, KR, VR any](fn func(record[K, V]) (record[KR, VR], error)) func() func(r, out *flow) error {
	return func() func(r, out *flow) error {
		var made record[KR, VR]
		return func(r, out *flow) (err error) {
			made, err = fn(recordOf[K, V](r))
			out.Key, out.Value = there(&made.Key, !made.NullKey), there(&made.Value, !made.NullValue)
			return err
		}
	}
}

// KeyOf makes what Map needs of a function that gives each record another key.
//
//go:noinline
func KeyOf[K, V, KR any](fn func(record[K, V]) (optional[KR], error)) func() func(r, out *flow) error {
	return func() func(r, out *flow) error {
		key := new(KR)
		return func(r, out *flow) error {
			k, err := fn(recordOf[K, V](r))
			*key = k.Value
			out.Key, out.Value = there(key, k.OK), r.Value
			return err
		}
	}
}

// WithoutWindow gives Map the keys of windowed keys.
func WithoutWindow[K any]() func(r, out *flow) error {
	return func(r, out *flow) error {
		out.Key, out.Value = &r.Key.(*window.Windowed[K]).Key, r.Value
		return nil
	}
}

// ValueOf makes what Map needs of a function that gives each record another value.
func ValueOf(fn func() Mapper) func() func(r, out *flow) error {
	return func() func(r, out *flow) error {
		value := fn()
		return func(r, out *flow) (err error) {
			out.Key = r.Key
			out.Value, err = value(r)
			return err
		}
	}
}

type mapper struct {
	fn  func(r, out *flow) error
	out flow
}

func (m *mapper) Process(ctx *flowContext, r *flow) error {
	m.out = flow{Timestamp: r.Timestamp, Headers: r.Headers}
	if err := m.fn(r, &m.out); err != nil {
		return err
	}
	return ctx.Forward(&m.out)
}
