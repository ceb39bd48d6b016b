package state

import "github.com/millstream-go/millstream/serde"

// Suppress declares the buffer of rows that a table holds back.
type Suppress[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
}

// NewSuppress declares a buffer. The name is that of its changelog topic, <application>-<name>-changelog, and must not
// change as long as rows wait in it. Changelog records have the bytes of Kafka Streams' suppress, version 3.
func NewSuppress[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Suppress[K, V] {
	return Suppress[K, V]{name: name, key: key, value: value, options: writtenBy(key, value)}
}

// InMemory is the same buffer with its rows in memory: they are restored from the changelog at each start.
func (s Suppress[K, V]) InMemory() Suppress[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same buffer without a changelog topic: rows that wait are lost with the state directory.
func (s Suppress[K, V]) NoChangelog() Suppress[K, V] {
	s.options.NoChangelog = true
	return s
}

// Value is the serde of the rows.
func (s Suppress[K, V]) Value() serde.Serde[V] { return s.value }

// Key is the serde of the keys.
func (s Suppress[K, V]) Key() serde.Serde[K] { return s.key }

// Buffer is the declaration without its types, for SuppressBuffer.
func (s Suppress[K, V]) Buffer() SuppressSpec {
	return SuppressSpec{
		name: s.name, keys: serde.FormatOf(s.key), whole: s.key != nil && s.value != nil, options: s.options,
	}
}

// SuppressSpec is the declaration of a suppress's buffer without its types.
type SuppressSpec struct {
	name    string
	keys    string // format
	whole   bool   // it has serdes
	options Options
}

// SuppressBuffer is the store of a suppress: entries of type B under keys of type K, which have the bytes of the
// declaration's keys, and are found by the time at which they began to wait.
func SuppressBuffer[K, B any](s SuppressSpec, keys serde.Serde[K], entry serde.Serde[B]) KeyValue[K, B] {
	out := NewKeyValue(s.name, serde.Serde[K](renamed[K]{keys, s.keys}), entry)
	if !s.whole {
		out.key, out.value = nil, nil
	}
	out.options, out.kind, out.byTime = s.options, KindSuppress, true
	return out
}

// renamed is a serde under the name of another one that has the same bytes.
type renamed[T any] struct {
	serde.Serde[T]
	format string
}

func (r renamed[T]) Format() string { return r.format }
