package graph

import "github.com/millstream-go/millstream/serde"

// Coding is how the records of a topic are read and written, without their types. It is made where a topic is declared,
// so that no method of a stream compiles it.
type Coding struct {
	types                  types
	suffix                 int
	decodeKey, decodeValue func() decode
	encodeKey, encodeValue func(in *Instance) encode
	framing                func() *framing // of values
}

// CodingOf is that of two serdes. Either may be nil, if the topology that they are declared for is never built.
//
//go:noinline
func CodingOf[K, V any](key serde.Serde[K], value serde.Serde[V]) Coding {
	return Coding{
		types: typesOf[K, V](), suffix: hashSuffix(key), decodeKey: decoder(key), decodeValue: decoder(value),
		encodeKey: encoder(key, true), encodeValue: encoder(value, false),
		framing: func() *framing { return framingOf(value) },
	}
}

// Decoders make a key, and a value, of bytes: a pointer to it, which is good until the next one of that decoder.
func (c Coding) Decoders() (key, value func(src []byte) (any, error)) {
	return c.decodeKey(), c.decodeValue()
}

// Encoders append the bytes of a key, which are checked as Checked does, and of a value, each behind a pointer.
func (c Coding) Encoders(ctx AnyContext) (key, value func(dst []byte, v any) ([]byte, error)) {
	in := ctx.scoped().in
	return c.encodeKey(in), c.encodeValue(in)
}

// Same is true for two codings of the same types.
func (c Coding) Same(other Coding) bool { return c.types == other.types }

// decode makes a value of bytes: a pointer to it, which is good until the next one.
type decode func(src []byte) (any, error)

// decoder makes decoders of a serde.
//
//go:noinline
func decoder[T any](s serde.Serde[T]) func() decode {
	return func() decode {
		value := new(T)
		return func(src []byte) (_ any, err error) {
			*value, err = s.Decode(src)
			return value, err
		}
	}
}

// encode appends the bytes of a value, to which v points.
type encode func(dst []byte, v any) ([]byte, error)

// encoder makes encoders of a serde, checked if what it encodes is compared by its bytes.
//
//go:noinline
func encoder[T any](s serde.Serde[T], checked bool) func(in *Instance) encode {
	return func(in *Instance) encode {
		s := s
		if checked {
			s = checkedIn(in, s)
		}
		return func(dst []byte, v any) ([]byte, error) { return s.Append(dst, *v.(*T)) }
	}
}

// Extract is a TimestampExtractor without its types.
type Extract func(f *Flow, partitionTime int64) (int64, error)

// ExtractOf is an extractor as an Extract; nil stays nil.
//
//go:noinline
func ExtractOf[K, V any](extract TimestampExtractor[K, V]) Extract {
	if extract == nil {
		return nil
	}
	return func(f *Flow, partitionTime int64) (int64, error) { return extract(RecordOf[K, V](f), partitionTime) }
}

// Spread is a Partitioner without its types.
type Spread func(f *Flow, n int32) []int32

// SpreadOf is a partitioner as a Spread; nil stays nil.
//
//go:noinline
func SpreadOf[K, V any](p Partitioner[K, V]) Spread {
	if p == nil {
		return nil
	}
	return func(f *Flow, n int32) []int32 { return p(RecordOf[K, V](f), n) }
}

// Routing is a Route without its types.
type Routing struct {
	Topic      func(*Flow) (string, error)
	Partition  func(*Flow) int32
	Partitions Spread
}

// RoutingOf is a route as Routing.
func RoutingOf[K, V any](route Route[K, V]) (r Routing) {
	if route.Topic != nil {
		r.Topic = func(f *Flow) (string, error) { return route.Topic(RecordOf[K, V](f)) }
	}
	if route.Partition != nil {
		r.Partition = func(f *Flow) int32 { return route.Partition(RecordOf[K, V](f)) }
	}
	r.Partitions = SpreadOf(route.Partitions)
	return r
}
