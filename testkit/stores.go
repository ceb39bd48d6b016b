package testkit

import (
	"math"

	"github.com/millstream-go/millstream/state"
)

// Get is the value of a key in a store, in whichever task has it.
func Get[K, V any](d *Driver, store state.KeyValue[K, V], key K) (value V, ok bool) {
	for _, t := range d.set.Tasks() {
		if !t.HasStore(store.Name()) {
			continue
		}
		v, found, err := store.In(t).Get(key)
		d.fail(err)
		if found {
			return v, true
		}
	}
	return value, false
}

// Rows are all rows of a store, by partition and then in the order of their encoded keys.
func Rows[K, V any](d *Driver, store state.KeyValue[K, V]) []state.Row[K, V] {
	var rows []state.Row[K, V]
	for _, t := range d.set.Tasks() {
		if !t.HasStore(store.Name()) {
			continue
		}
		for row, err := range store.In(t).All() {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}

// WindowRows are all rows of a window store, by partition, then start, then in the order of their encoded keys.
func WindowRows[K, V any](d *Driver, store state.Window[K, V]) []state.WindowRow[K, V] {
	var rows []state.WindowRow[K, V]
	for _, t := range d.set.Tasks() {
		if !t.HasStore(store.Name()) {
			continue
		}
		for row, err := range store.In(t).Between(0, math.MaxInt64) {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}

// SessionRows are all rows of a session store, by partition, then end, then in the order of their encoded keys.
func SessionRows[K, V any](d *Driver, store state.Session[K, V]) []state.SessionRow[K, V] {
	var rows []state.SessionRow[K, V]
	for _, t := range d.set.Tasks() {
		if !t.HasStore(store.Name()) {
			continue
		}
		for row, err := range store.In(t).All() {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}
