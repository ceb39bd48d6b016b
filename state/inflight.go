package state

import "github.com/millstream-go/millstream/serde"

// InFlight declares the store of records that wait for the answers of slow calls.
type InFlight[K, V any] struct {
	spec   InFlightSpec
	keys   serde.Serde[K]
	values serde.Serde[V]
}

// NewInFlight declares a store of records in flight, with the serdes of their keys and values. The name is that of its
// changelog topic, <application>-<name>-changelog, and must not change while records wait. Changelog records have a
// number (int64) as key; docs/slowcalls.md tells their bytes.
func NewInFlight[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) InFlight[K, V] {
	return InFlight[K, V]{InFlightSpec{newDeclared(KindInFlight, name, key, value, nil)}, key, value}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s InFlight[K, V]) InMemory() InFlight[K, V] {
	return InFlight[K, V]{InFlightSpec{s.spec.declared.inMemory()}, s.keys, s.values}
}

// NoChangelog is the same store without a changelog topic: records in flight are lost with the state directory.
func (s InFlight[K, V]) NoChangelog() InFlight[K, V] {
	return InFlight[K, V]{InFlightSpec{s.spec.declared.noChangelog()}, s.keys, s.values}
}

// Key is the serde of the keys.
func (s InFlight[K, V]) Key() serde.Serde[K] { return s.keys }

// Value is the serde of the values.
func (s InFlight[K, V]) Value() serde.Serde[V] { return s.values }

// Flights is the declaration without its types, for FlightStore.
func (s InFlight[K, V]) Flights() InFlightSpec { return s.spec }

// InFlightSpec is the declaration of a store of records in flight without its types.
type InFlightSpec struct{ declared *declared }

// FlightStore is the store of the records in flight, as entries of type B under their numbers. entry makes their serde
// of those of the declaration.
func FlightStore[B any](s InFlightSpec, entry func(key, value any) serde.Serde[B]) KeyValue[int64, B] {
	d := *s.declared.spec(KindInFlight)
	entries := entry(d.key, d.value)
	out := NewKeyValue(d.name, serde.Int64, entries)
	d.key, d.value, d.open = serde.Int64, entries, out.spec.open
	out.spec = &d
	return out
}
