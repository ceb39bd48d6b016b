package state

import (
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Suppress declares the buffer of rows that a table holds back.
type Suppress[K, V any] struct{ spec *declared }

// NewSuppress declares a buffer. The name is that of its changelog topic, <application>-<name>-changelog, and must not
// change as long as rows wait in it. Changelog records have the bytes of Kafka Streams' suppress, version 3.
func NewSuppress[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Suppress[K, V] {
	return Suppress[K, V]{storage.NewDeclared(storage.KindSuppress, name, key, value, nil).FindByTime()}
}

// InMemory is the same buffer with its rows in memory: they are restored from the changelog at each start.
func (s Suppress[K, V]) InMemory() Suppress[K, V] {
	return Suppress[K, V]{s.spec.InMemory()}
}

// NoChangelog is the same buffer without a changelog topic: rows that wait are lost with the state directory.
func (s Suppress[K, V]) NoChangelog() Suppress[K, V] {
	return Suppress[K, V]{s.spec.NoChangelog()}
}

// Buffer is for the library.
func (s Suppress[K, V]) Buffer() Spec { return s.spec.Sealed(storage.KindSuppress) }

// SuppressDeclaration is a Suppress. Methods of streams and tables take it, so that types without such a store compile
// none.
type SuppressDeclaration[K, V any] interface {
	Buffer() Spec
	ofSuppress(K, V)
}

func (s Suppress[K, V]) ofSuppress(K, V) {}
