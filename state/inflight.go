package state

import (
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// InFlight declares the store of records that wait for the answers of slow calls.
type InFlight[K, V any] struct{ spec *declared }

// NewInFlight declares a store of records in flight, with the serdes of their keys and values. The name is that of its
// changelog topic, <application>-<name>-changelog, and must not change while records wait. Changelog records have a
// number (int64) as key; docs/slowcalls.md tells their bytes.
func NewInFlight[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) InFlight[K, V] {
	return InFlight[K, V]{storage.NewDeclared(storage.KindInFlight, name, key, value, nil)}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s InFlight[K, V]) InMemory() InFlight[K, V] {
	return InFlight[K, V]{s.spec.InMemory()}
}

// NoChangelog is the same store without a changelog topic: records in flight are lost with the state directory.
func (s InFlight[K, V]) NoChangelog() InFlight[K, V] {
	return InFlight[K, V]{s.spec.NoChangelog()}
}

// Flights is for the library.
func (s InFlight[K, V]) Flights() Spec { return s.spec.Sealed(storage.KindInFlight) }
