package state

import (
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/serde"
)

// column is the values of a store's rows: all that has their type, but for the handles of open stores. It is compiled
// with each type of value, in the user's package: what can be done without the type is in internal/rows.
type column[V any] struct {
	rows       *rows.Rows
	values     serde.Serde[V]
	clone      func(V) V // nil unless decoded values share memory with their bytes
	young, old []*[rows.Chunk]V
	undo       []V // values before writes, see Save
}

func newColumn[V any](name string, env rows.Env, values serde.Serde[V]) *column[V] {
	c := &column[V]{values: values}
	if cloner, ok := values.(cloner[V]); ok {
		c.clone = cloner.Clone
	}
	c.rows = rows.New(name, env, c, (*V)(nil))
	return c
}

// cloner is implemented by serdes whose decoded values share memory with their input.
type cloner[V any] interface{ Clone(v V) V }

// owned is a value that shares no memory with the bytes it was decoded from, or with its giver.
func owned[V any](values serde.Serde[V], v V) V {
	if c, ok := values.(cloner[V]); ok {
		return c.Clone(v)
	}
	return v
}

// at is the value of a row in memory.
func (c *column[V]) at(id int) *V { return &c.young[uint(id)/rows.Chunk][uint(id)%rows.Chunk] }

func (c *column[V]) get(key []byte) (value V, timestamp int64, ok bool, err error) {
	if c.rows.ReadOnly() { // asked for once: there is no use in keeping it
		return c.stored(key)
	}
	id, timestamp, ok, err := c.rows.Get(key)
	if ok {
		value = *c.at(id)
	}
	return value, timestamp, ok, err
}

// stored is the row of a key in the database.
func (c *column[V]) stored(key []byte) (value V, timestamp int64, ok bool, err error) {
	encoded, timestamp, ok, err := c.rows.Stored(key)
	if err != nil || !ok {
		return value, 0, false, err
	}
	if value, err = c.decode(encoded); err != nil {
		return value, 0, false, c.rows.Undecodable(err)
	}
	return value, timestamp, true, nil
}

func (c *column[V]) put(key []byte, value V, timestamp int64) error {
	if err := c.rows.CheckTimestamp(key, timestamp); err != nil {
		return err
	}
	id, err := c.rows.Begin(key)
	if err != nil {
		return err
	}
	if c.rows.EncodeOnPut() {
		encoded, err := c.values.Append(nil, value)
		if err := c.rows.CheckEncoded(key, encoded, timestamp, err); err != nil {
			return err
		}
	}
	if c.clone != nil {
		value = c.clone(value)
	}
	at := c.at(id)
	c.undo = append(c.undo, *at)
	*at = value
	c.rows.Wrote(id, timestamp, true)
	return nil
}

// shown is the value of a row that a walk shows.
func (c *column[V]) shown(at *rows.At) (value V, err error) {
	if at.ID >= 0 {
		return *c.at(at.ID), nil
	}
	if value, err = c.decode(at.Encoded); err != nil {
		return value, c.rows.Undecodable(err)
	}
	return value, nil
}

func (c *column[V]) decode(src []byte) (V, error) {
	value, err := c.values.Decode(src)
	if err == nil && c.clone != nil {
		value = c.clone(value)
	}
	return value, err
}

func (c *column[V]) Grow() { c.young = append(c.young, new([rows.Chunk]V)) }

func (c *column[V]) Decode(id int, src []byte) error {
	value, err := c.decode(src)
	if err == nil {
		*c.at(id) = value
	}
	return err
}

func (c *column[V]) Append(dst []byte, id int) ([]byte, error) {
	return c.values.Append(dst, *c.at(id))
}

func (c *column[V]) Same(a, b []byte) bool {
	x, errX := c.values.Decode(a)
	y, errY := c.values.Decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func (c *column[V]) Clear(id int) {
	var none V
	*c.at(id) = none
}

func (c *column[V]) Save(id int) { c.undo = append(c.undo, *c.at(id)) }

func (c *column[V]) Back(id int) {
	last := len(c.undo) - 1
	*c.at(id) = c.undo[last]
	clear(c.undo[last:])
	c.undo = c.undo[:last]
}

func (c *column[V]) Forget() {
	clear(c.undo)
	c.undo = c.undo[:0]
}

func (c *column[V]) Age() { c.old, c.young = c.young, nil }

func (c *column[V]) Carry(from, to int) { *c.at(to) = c.old[from/rows.Chunk][from%rows.Chunk] }

func (c *column[V]) DropOld() { c.old = nil }

// appendKey appends the user's part of a row's key to what is in the store's scratch.
func appendKey[K any](c *core, scratch []byte, keys serde.Serde[K], key K) ([]byte, error) {
	b, err := keys.Append(scratch, key)
	if err != nil {
		return nil, c.keyFailed(err)
	}
	c.buf = b
	return b, nil
}

func decodeKey[K any](c *core, keys serde.Serde[K], b []byte) (K, error) {
	key, err := keys.Decode(b)
	if err != nil {
		err = c.keyFailed(err)
	}
	return key, err
}

func (c *core) keyFailed(err error) error {
	return fmt.Errorf("state: store %s: key: %w", c.Name(), err)
}
