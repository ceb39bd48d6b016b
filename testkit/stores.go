package testkit

import (
	"math"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// Get is the value of a key in a store, in whichever task has it.
func Get[K, V any](d *Driver, store state.KeyValue[K, V], key K) (value V, ok bool) {
	d.helper()
	for _, t := range d.having(storage.Of(store)) {
		v, found, err := store.In(t).Get(key)
		d.fail(err)
		if found {
			return v, true
		}
	}
	return value, false
}

// having are the tasks that have a store; for one of a global table, its only holder.
func (d *Driver) having(store storage.Spec) (out []state.Stores) {
	d.helper()
	d.fail(d.checkStore(store))
	if !d.usable() {
		return nil
	}
	if g := d.set.Global(); g != nil && g.HasStore(store.Name()) {
		return []state.Stores{g}
	}
	for _, t := range d.set.Tasks() {
		if t.HasStore(store.Name()) {
			out = append(out, t)
		}
	}
	return out
}

// Rows are all rows of a store, by partition and then in the order of their encoded keys.
func Rows[K, V any](d *Driver, store state.KeyValue[K, V]) []state.Row[K, V] {
	d.helper()
	var rows []state.Row[K, V]
	for _, t := range d.having(storage.Of(store)) {
		for row, err := range store.In(t).All() {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}

// WindowRows are all rows of a window store, by partition, then start, then in the order of their encoded keys.
func WindowRows[K, V any](d *Driver, store state.Window[K, V]) []state.WindowRow[K, V] {
	d.helper()
	var rows []state.WindowRow[K, V]
	for _, t := range d.having(storage.Of(store)) {
		for row, err := range store.In(t).Between(0, math.MaxInt64) {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}

// SessionRows are all rows of a session store, by partition, then end, then in the order of their encoded keys.
func SessionRows[K, V any](d *Driver, store state.Session[K, V]) []state.SessionRow[K, V] {
	d.helper()
	var rows []state.SessionRow[K, V]
	for _, t := range d.having(storage.Of(store)) {
		for row, err := range store.In(t).All() {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}

// VersionedRows are the newest rows of a versioned store, by partition and then in the order of their encoded keys.
func VersionedRows[K, V any](d *Driver, store state.Versioned[K, V]) []state.Row[K, V] {
	d.helper()
	var rows []state.Row[K, V]
	for _, t := range d.having(storage.Of(store)) {
		for row, err := range store.In(t).All() {
			d.fail(err)
			rows = append(rows, row)
		}
	}
	return rows
}
