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
	return Suppress[K, V]{name: name, key: key, value: value}
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

// SuppressBuffer is the store of a suppress: entries of type B that are found by the time at which they began to wait.
func SuppressBuffer[K, V, B any](s Suppress[K, V], entry serde.Serde[B]) KeyValue[K, B] {
	if s.value == nil {
		entry = nil
	}
	return KeyValue[K, B]{
		name: s.name, key: s.key, value: entry, options: s.options, kind: KindSuppress, byTime: true,
	}
}

// Key is the serde of the keys.
func (s Suppress[K, V]) Key() serde.Serde[K] { return s.key }
