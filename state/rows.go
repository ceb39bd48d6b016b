package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// rows is what all kinds of stores are made of: rows with a value and a timestamp under an encoded key, ordered by the
// bytes of the key, decoded while in memory. The encoded key of a row begins with the store's prefix.
//
// Rows in memory are in two generations. Reads and writes fill young. When the process is over its memory budget and
// young holds nothing uncommitted, old is dropped and young becomes old; a row that is still used moves from old to
// young as it is read. So old is always clean, and a scan merges only the dirty rows of young with the database. While
// rows of a store that is scanned have never been dropped, scans do without the database; see order.
type rows[V any] struct {
	name   string
	engine store.Engine
	prefix []byte
	upper  []byte // first key behind the store's rows
	values serde.Serde[V]
	clone  func(V) V
	budget *Budget

	young, old *table[V]
	complete   bool  // young and old hold every row there is: what they do not have need not be looked for
	charged    int64 // bytes of both generations that the budget knows of
	dirty      []int // ids in young, in the order in which they were first written
	dirtyBytes int64
	order      *order // nil until a scan needs it
	filled     bool   // fill has been tried
	watch      *watch[V]

	encodeOnPut bool
	idle        []*scan[V]

	undo      []undo[V]
	markDirty int
	markBytes int64
	scratch   []byte
	sizes     sizes
}

// undo is an entry as it was before a write.
type undo[V any] struct {
	id        int
	value     V
	timestamp int64
	there     bool
	dirty     bool
}

// sizes estimates the heap that a decoded value holds beyond its own struct from the encoded values seen.
type sizes struct {
	flat         bool // values hold nothing beyond their struct
	count, bytes int64
}

func (s *sizes) saw(n int) { s.count++; s.bytes += int64(n) }

func (s *sizes) average() int64 {
	if s.flat || s.count == 0 {
		return 0
	}
	return s.bytes / s.count
}

// consistsOf is true for types made of nothing but some kinds.
func consistsOf(t reflect.Type, some func(reflect.Kind) bool) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !consistsOf(t.Field(i).Type, some) {
				return false
			}
		}
		return true
	case reflect.Array:
		return consistsOf(t.Elem(), some)
	}
	return some(t.Kind())
}

func isNumber(k reflect.Kind) bool { return k <= reflect.Complex128 && k != reflect.Uintptr }

// cloner is implemented by serdes whose decoded values share memory with their input.
type cloner[V any] interface{ Clone(v V) V }

// owned is a value that shares no memory with the bytes it was decoded from, or with its giver.
func owned[V any](values serde.Serde[V], v V) V {
	if c, ok := values.(cloner[V]); ok {
		return c.Clone(v)
	}
	return v
}

func newRows[V any](name string, env Env, values serde.Serde[V]) *rows[V] {
	r := &rows[V]{
		name: name, engine: env.Engine, prefix: env.Prefix, upper: after(env.Prefix), values: values, budget: env.Budget,
		young: &table[V]{}, old: &table[V]{}, clone: func(v V) V { return v }, watch: newWatch(env, values),
		encodeOnPut: env.EncodeOnPut,
	}
	r.complete = r.isEmpty()
	r.sizes.flat = consistsOf(reflect.TypeFor[V](), isNumber)
	if c, ok := values.(cloner[V]); ok {
		r.clone = c.Clone
	}
	return r
}

// after is the first key that does not begin with prefix; nil if there is none.
func after(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

func (r *rows[V]) Name() string { return r.name }

// load is the entry of key in young, read from wherever the row is. The pointer is valid until the next call.
func (r *rows[V]) load(key []byte) (int, *entry[V], error) {
	hash := hashKey(key)
	if id := r.young.find(key, hash); id >= 0 {
		return r.use(id)
	}
	return r.bring(key, hash)
}

// look is load for a reader: for a key that is in no row, where memory has all rows, the entry is nil.
func (r *rows[V]) look(key []byte) (int, *entry[V], error) {
	hash := hashKey(key)
	if id := r.young.find(key, hash); id >= 0 {
		return r.use(id)
	}
	if r.complete && r.old.count == 0 {
		return 0, nil, nil
	}
	return r.bring(key, hash)
}

// bring enters a key that young does not have.
func (r *rows[V]) bring(key []byte, hash uint32) (int, *entry[V], error) {
	if id := r.old.find(key, hash); id >= 0 {
		from := r.old.entry(id)
		id, e := r.insert(key, hash)
		e.value, e.timestamp, e.there = from.value, from.timestamp, from.there
		return r.use(id)
	}
	value, ts, ok, err := r.read(key)
	if err != nil {
		return 0, nil, err
	}
	id, e := r.insert(key, hash)
	e.value, e.timestamp, e.there = value, ts, ok
	return r.use(id)
}

// use is an entry of young that is about to be read or written.
func (r *rows[V]) use(id int) (int, *entry[V], error) {
	return id, r.young.entry(id), r.unchanged(id)
}

// unchanged is an error if the value of an entry was changed in place.
func (r *rows[V]) unchanged(id int) error {
	if r.watch == nil {
		return nil
	}
	if err := r.watch.use(id, r.young.entry(id)); err != nil {
		return r.failed(r.young.key(id), err)
	}
	return nil
}

// read decodes a row of the database.
func (r *rows[V]) read(key []byte) (value V, timestamp int64, ok bool, err error) {
	if r.complete {
		return value, 0, false, nil
	}
	if r.scratch, ok, err = r.engine.Get(r.scratch[:0], key); err != nil {
		return value, 0, false, fmt.Errorf("state: store %s: %w", r.name, err)
	}
	if !ok {
		return value, 0, false, nil
	}
	value, timestamp, err = r.decode(r.scratch)
	return r.clone(value), timestamp, true, err
}

// isEmpty is true if the database has no row of the store.
func (r *rows[V]) isEmpty() bool {
	it, err := r.engine.Scan(r.prefix, r.upper, false)
	if err != nil {
		return false // whatever is wrong will show when a row is read
	}
	found := it.Next()
	return it.Close() == nil && !found
}

func (r *rows[V]) insert(key []byte, hash uint32) (int, *entry[V]) {
	if r.young.count%entryChunk == 0 {
		r.charge()
	}
	id := r.young.insert(key, hash)
	return id, r.young.entry(id)
}

// charge tells the budget what the tables hold now.
func (r *rows[V]) charge() {
	r.account()
	if len(r.dirty) == 0 && r.budget.Over() && len(r.undo) == 0 {
		r.rotate()
		r.account()
	}
}

func (r *rows[V]) account() {
	n := r.young.size + r.old.size + int64(r.young.count+r.old.count)*r.sizes.average() + r.order.size()
	r.budget.add(n - r.charged)
	r.charged = n
}

// rotate drops rows: those that are no more, if that is half of them, else those that have not been used for long.
func (r *rows[V]) rotate() {
	if r.order != nil && r.order.whole {
		if r.order.tree.Len() <= r.young.count/2 {
			r.compact()
			return
		}
		r.order = nil
	}
	r.complete = r.complete && r.old.count == 0
	r.old, r.young = r.young, &table[V]{}
	r.watch.reset()
}

func (r *rows[V]) get(key []byte) (value V, timestamp int64, ok bool, err error) {
	_, e, err := r.look(key)
	if err != nil || e == nil || !e.there {
		return value, 0, false, err
	}
	return e.value, e.timestamp, true, nil
}

func (r *rows[V]) put(key []byte, value V, timestamp int64) error {
	id, e, err := r.load(key)
	if err != nil {
		return err
	}
	if r.encodeOnPut {
		if r.scratch, err = r.encode(r.scratch[:0], key, value, timestamp); err != nil {
			return err
		}
	}
	r.write(id, e, r.clone(value), timestamp, true)
	return nil
}

func (r *rows[V]) delete(key []byte, timestamp int64) error {
	id, e, err := r.look(key)
	if err != nil || e == nil || !e.there {
		return err
	}
	var none V
	r.write(id, e, none, timestamp, false)
	return nil
}

func (r *rows[V]) write(id int, e *entry[V], value V, timestamp int64, there bool) {
	r.undo = append(r.undo, undo[V]{id: id, value: e.value, timestamp: e.timestamp, there: e.there, dirty: e.dirty})
	wasThere, wasDirty := e.there, e.dirty
	e.value, e.timestamp, e.there = value, timestamp, there
	r.watch.wrote(id, e)
	if !e.dirty {
		e.dirty = true
		r.dirty = append(r.dirty, id)
		r.dirtyBytes += int64(e.length) + 8 + r.sizes.average()
	}
	r.reorder(id, wasThere, wasDirty)
}

func (r *rows[V]) Mark() {
	if len(r.undo) > 0 {
		clear(r.undo)
		r.undo = r.undo[:0]
	}
	r.watch.mark()
	r.markDirty, r.markBytes = len(r.dirty), r.dirtyBytes
}

func (r *rows[V]) Undo() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		u := &r.undo[i]
		e := r.young.entry(u.id)
		wasThere, wasDirty := e.there, e.dirty
		e.value, e.timestamp, e.there, e.dirty = u.value, u.timestamp, u.there, u.dirty
		r.reorder(u.id, wasThere, wasDirty)
	}
	r.dirty, r.dirtyBytes = r.dirty[:r.markDirty], r.markBytes
	r.watch.takeBack()
	r.Mark()
}

func (r *rows[V]) Dirty() int64 { return r.dirtyBytes }

// flush encodes the dirty rows. logKey turns the part of a row's key behind the prefix into the key of its changelog
// record.
func (r *rows[V]) flush(b store.Batch, log Changelog, logKey func(dst, key []byte) []byte) error {
	for id := range r.watch.usedIDs() {
		if err := r.unchanged(id); err != nil {
			return err
		}
	}
	for _, id := range r.dirty {
		e, key := r.young.entry(id), r.young.key(id)
		k := log.Keep(logKey(log.Room(), key[len(r.prefix):]))
		if !e.there {
			if err := b.Delete(key); err != nil {
				return fmt.Errorf("state: store %s: %w", r.name, err)
			}
			log.Append(k, nil, e.timestamp)
			continue
		}
		row, err := r.encode(log.Room(), key, e.value, e.timestamp)
		if err != nil {
			return err
		}
		row = log.Keep(row)
		if err := b.Set(key, row); err != nil {
			return fmt.Errorf("state: store %s: %w", r.name, err)
		}
		r.sizes.saw(len(row))
		log.Append(k, row[timestampSize:], e.timestamp)
	}
	return nil
}

func (r *rows[V]) Committed() {
	for _, id := range r.dirty {
		r.young.entry(id).dirty = false
	}
	r.clean()
	r.charge()
}

// Abort forgets both generations: what is in memory may be uncommitted, or stem from a read that followed it.
func (r *rows[V]) Abort() {
	r.young, r.old, r.order = &table[V]{}, &table[V]{}, nil
	r.watch.reset()
	r.complete, r.filled = r.isEmpty(), false
	r.clean()
	r.charge()
}

func (r *rows[V]) clean() {
	r.dirty, r.dirtyBytes, r.markDirty, r.markBytes = r.dirty[:0], 0, 0, 0
	if r.order != nil && !r.order.whole {
		r.order = nil
	}
	r.watch.committed()
	clear(r.undo)
	r.undo = r.undo[:0]
}

// The value of a row in the database is its timestamp and the encoded value (Kafka's ValueAndTimestampSerializer).
const timestampSize = 8

// ErrEncode is the error of a commit, or of a Put, see Env.EncodeOnPut, that meets a value which its serde cannot
// encode. One that is put over before the commit is not encoded.
var ErrEncode = errors.New("cannot encode the value")

func (r *rows[V]) encode(dst, key []byte, value V, timestamp int64) ([]byte, error) {
	row, err := r.values.Append(binary.BigEndian.AppendUint64(dst, uint64(timestamp)), value)
	if err != nil {
		return nil, r.failed(key, fmt.Errorf("%w: %w", ErrEncode, err))
	}
	return row, nil
}

// failed is an error of the row under a key.
func (r *rows[V]) failed(key []byte, err error) error {
	return fmt.Errorf("state: store %s, key %q: %w", r.name, key[len(r.prefix):], err)
}

func (r *rows[V]) decode(row []byte) (value V, timestamp int64, err error) {
	if len(row) < timestampSize {
		return value, 0, fmt.Errorf("state: store %s: %w: row of %d bytes", r.name, store.ErrCorrupt, len(row))
	}
	r.sizes.saw(len(row))
	if value, err = r.values.Decode(row[timestampSize:]); err != nil {
		return value, 0, fmt.Errorf("state: store %s: value: %w", r.name, err)
	}
	return value, int64(binary.BigEndian.Uint64(row)), nil
}

// restore enters a changelog record into the database, past the rows in memory, of which a task that restores has none.
func (r *rows[V]) restore(b store.Batch, key, value []byte, timestamp int64) error {
	r.doubt()
	if value == nil {
		return b.Delete(key)
	}
	r.scratch = binary.BigEndian.AppendUint64(r.scratch[:0], uint64(timestamp))
	r.scratch = append(r.scratch, value...)
	return b.Set(key, r.scratch)
}

// doubt ends what memory knows of the database, which is about to change under it.
func (r *rows[V]) doubt() { r.complete, r.filled, r.order = false, false, nil }
