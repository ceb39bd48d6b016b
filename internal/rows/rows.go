package rows

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/internal/store"
)

// Env is what a task gives a store to open it.
type Env struct {
	Engine store.Engine // holds the rows
	Prefix []byte       // of this store's rows
	Budget *Budget      // of the process's cached rows
	// Watch has values found that are changed in place, at the cost of encoding a value at each use.
	Watch bool
	// EncodeOnPut has a value that cannot be encoded, or is refused, fail when it is put.
	EncodeOnPut bool
	// Refuses is what is known to be refused in the changelog; nil: nothing is.
	Refuses Refuses
	// ReadOnly is for engines whose rows do not change: nothing can be written.
	ReadOnly bool
	// Guard says why nothing can be written for now, nil if it can. Without a guard it always can.
	Guard func() error
}

// Refuses is why a changelog would refuse a row, nil if nothing is known to be wrong with it: by its timestamp, and,
// unless only that is asked about, by how many bytes key and value have, and by the encoded value.
type Refuses func(value []byte, bytes int, timestamp int64) error

// The rows of a store that has an index lie behind a byte of their own within the store's prefix, as does the index.
const (
	RowsPart  = 0
	IndexPart = 1
)

// Part is the environment of one part of a store.
func (e Env) Part(b byte) Env {
	e.Prefix = append(e.Prefix[:len(e.Prefix):len(e.Prefix)], b)
	return e
}

// Rows is the rows of a store. The encoded key of a row begins with the store's prefix.
//
// Rows in memory are in two generations. Reads and writes fill young. When the process is over its memory budget and
// young holds nothing uncommitted, old is dropped and young becomes old; a row that is still used moves from old to
// young as it is read. So old is always clean, and a walk merges only the dirty rows of young with the database. While
// rows of a store that is walked have never been dropped, walks do without the database; see tree.
//
// Ids are those of young. They hold until the next call that takes a key.
type Rows struct {
	name   string
	engine store.Engine
	prefix []byte
	upper  []byte // first key behind the store's rows
	column Column
	budget *Budget

	young, old *table
	complete   bool  // young and old hold every row there is: what they do not have need not be looked for
	charged    int64 // bytes of both generations that the budget knows of
	dirty      []int // ids in young, in the order in which they were first written
	dirtyBytes int64
	order      order // nil until a walk needs it
	filled     bool  // fill has been tried
	watch      *watch

	encodeOnPut bool
	refuses     Refuses // see Env
	readOnly    bool
	guard       func() error // see Env; nil: there is none
	idle        []Walk

	undo      []undo
	markDirty int
	markBytes int64
	scratch   []byte
	sizes     sizes
}

// undo is an entry as it was before a write.
type undo struct {
	id        int
	timestamp int64
	there     bool
	dirty     bool
}

// New opens the rows of a store whose column has values of a type: the one that pointer is for. The name is for errors.
func New(name string, env Env, column Column, pointer any) *Rows {
	values := reflect.TypeOf(pointer).Elem()
	r := &Rows{
		name: name, engine: env.Engine, prefix: env.Prefix, upper: After(env.Prefix), column: column, budget: env.Budget,
		young: &table{}, old: &table{}, encodeOnPut: env.EncodeOnPut, readOnly: env.ReadOnly,
		refuses: env.Refuses, guard: env.Guard,
	}
	if env.Watch && canBeChanged(values) {
		r.watch = newWatch(column)
	}
	if r.filled = env.ReadOnly; !env.ReadOnly {
		r.complete = r.isEmpty()
	}
	r.sizes = sizes{own: int64(values.Size()), flat: consistsOf(values, isNumber)}
	return r
}

// After is the first key that does not begin with prefix; nil if there is none.
func After(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

// Name is the name of the store.
func (r *Rows) Name() string { return r.name }

// Cached is how many rows are in memory, with those that are known not to exist, and the bytes that they take.
func (r *Rows) Cached() (rows int, bytes int64) { return r.young.count + r.old.count, r.charged }

// Prefix is what each key begins with; Upper the first key behind the rows, nil if there is none.
func (r *Rows) Prefix() []byte { return r.prefix }

// Upper is the first key behind the rows.
func (r *Rows) Upper() []byte { return r.upper }

// EncodeOnPut is true if values must be tried to be encoded before they are put.
func (r *Rows) EncodeOnPut() bool { return r.encodeOnPut }

// ErrReadOnly is the error of a write to rows that are there to be read only.
var ErrReadOnly = errors.New("the rows may only be read")

// errOfQuery is that of rows of an earlier commit.
var errOfQuery = fmt.Errorf("%w, as those of any query", ErrReadOnly)

// ReadOnly is true for rows that do not change.
func (r *Rows) ReadOnly() bool { return r.readOnly }

// Writable is why nothing can be written, nil if it can. Begin and Delete ask by themselves; who changes anything else
// before them asks first.
func (r *Rows) Writable() (err error) {
	switch {
	case r.readOnly:
		err = errOfQuery
	case r.guard != nil:
		err = r.guard()
	}
	if err != nil {
		return fmt.Errorf("state: store %s: %w", r.name, err)
	}
	return nil
}

// Get finds a row. Where ok is true its value is in the column, under id.
func (r *Rows) Get(key []byte) (id int, timestamp int64, ok bool, err error) {
	hash := hashKey(key)
	if id = r.young.find(key, hash); id < 0 {
		if r.complete && r.old.count == 0 {
			return 0, 0, false, nil
		}
		if id, err = r.cached(key, hash); err != nil {
			return 0, 0, false, err
		}
	}
	if r.watch != nil {
		if err := r.unchanged(id); err != nil {
			return 0, 0, false, err
		}
	}
	e := r.young.entry(id)
	if !e.there {
		return id, 0, false, nil
	}
	return id, e.timestamp, true, nil
}

// Begin is the id of a row that is about to be written, whether or not it is there: the column's value is to be saved,
// then changed, then Wrote is called.
func (r *Rows) Begin(key []byte) (id int, err error) {
	if err := r.Writable(); err != nil {
		return 0, err
	}
	hash := hashKey(key)
	if id = r.young.find(key, hash); id < 0 {
		if id, err = r.cached(key, hash); err != nil {
			return 0, err
		}
	}
	if r.watch != nil {
		return id, r.unchanged(id)
	}
	return id, nil
}

// Wrote tells that the value of a row was written, or cleared: then it is not there.
func (r *Rows) Wrote(id int, timestamp int64, there bool) {
	e := r.young.entry(id)
	r.undo = append(r.undo, undo{id: id, timestamp: e.timestamp, there: e.there, dirty: e.dirty})
	wasThere, wasDirty := e.there, e.dirty
	e.timestamp, e.there = timestamp, there
	if r.watch != nil && there {
		r.watch.wrote(id)
	}
	if !e.dirty {
		e.dirty = true
		r.dirty = append(r.dirty, id)
		r.dirtyBytes += int64(e.length) + 8 + r.sizes.average()
	}
	if r.order != nil {
		r.reorder(id, wasThere, wasDirty)
	}
}

// CheckTimestamp is an error for a row, or a delete, that a changelog could not have: no record is older than the
// epoch, and brokers refuse what is too far from their clocks.
func (r *Rows) CheckTimestamp(key []byte, timestamp int64) error {
	if timestamp < 0 {
		return r.failed(key, fmt.Errorf("timestamp %d: must be 0 or more, as the changelog takes no other", timestamp))
	}
	return r.checkRefused(key, nil, 0, timestamp)
}

func (r *Rows) checkRefused(key, value []byte, bytes int, timestamp int64) error {
	if r.refuses == nil {
		return nil
	}
	if err := r.refuses(value, bytes, timestamp); err != nil {
		return r.failed(key[:min(len(key), len(r.prefix)+longestKey)], err)
	}
	return nil
}

// Delete removes a row; if there is none, nothing happens.
func (r *Rows) Delete(key []byte, timestamp int64) error {
	if err := r.CheckTimestamp(key, timestamp); err != nil {
		return err
	}
	if err := r.Writable(); err != nil {
		return err
	}
	id, _, ok, err := r.Get(key)
	if err != nil || !ok {
		return err
	}
	r.column.Save(id)
	r.column.Clear(id)
	r.Wrote(id, timestamp, false)
	return nil
}

// cached puts a key that young does not have there, from wherever its row is.
func (r *Rows) cached(key []byte, hash uint32) (id int, err error) {
	r.makeRoom()
	if from := r.old.find(key, hash); from >= 0 {
		e := r.old.entry(from)
		id = r.insert(key, hash, e.timestamp, e.there)
		r.column.Carry(from, id)
		return id, nil
	}
	if r.complete {
		return r.insert(key, hash, 0, false), nil
	}
	value, timestamp, ok, err := r.Stored(key)
	if err != nil {
		return 0, err
	}
	if ok {
		if err := r.column.Decode(r.young.count, value); err != nil {
			return 0, r.Undecodable(err)
		}
	}
	return r.insert(key, hash, timestamp, ok), nil
}

// Stored is the row of a key in the database, with its value encoded, which is valid until the next call.
func (r *Rows) Stored(key []byte) (value []byte, timestamp int64, ok bool, err error) {
	if r.scratch, ok, err = r.engine.Get(r.scratch[:0], key); err != nil {
		return nil, 0, false, fmt.Errorf("state: store %s: %w", r.name, err)
	}
	if !ok {
		return nil, 0, false, nil
	}
	timestamp, value, err = r.split(r.scratch)
	return value, timestamp, err == nil, err
}

// isEmpty is true if the database has no row of the store.
func (r *Rows) isEmpty() bool {
	it, err := r.engine.Scan(r.prefix, r.upper, false)
	if err != nil {
		return false // whatever is wrong will show when a row is read
	}
	found := it.Next()
	return it.Close() == nil && !found
}

// makeRoom has young, and the column, have room for one more row.
func (r *Rows) makeRoom() {
	if r.young.count%Chunk == 0 {
		r.charge()
	}
	if r.young.full() {
		r.grow()
	}
}

func (r *Rows) grow() {
	r.young.grow()
	r.column.Grow()
}

// insert enters a row for which there is room, and which young does not have. Its value is in the column, or follows.
func (r *Rows) insert(key []byte, hash uint32, timestamp int64, there bool) (id int) {
	id = r.young.insert(key, hash)
	e := r.young.entry(id)
	e.timestamp, e.there = timestamp, there
	return id
}

// rotate drops rows: those that are no more, if that is half of them, else those that have not been used for long.
func (r *Rows) rotate() {
	if r.order != nil && r.order.isWhole() {
		if r.order.len() <= r.young.count/2 {
			r.compact()
			return
		}
		r.order = nil
	}
	r.complete = r.complete && r.old.count == 0
	r.old, r.young = r.young, &table{}
	r.column.Age()
	r.watch.reset()
}

// ErrEncode is the error of a value that cannot be encoded.
var ErrEncode = errors.New("cannot encode the value")

// ErrTooLarge is the error of a row that is larger than its changelog takes.
var ErrTooLarge = errors.New("a row of this size is refused in the changelog: raise max.message.bytes of that topic, " +
	"and what the client may send, or keep less in a row")

// CheckEncoded is an error for a row that a commit could not log, as its value cannot be encoded or the row is refused.
func (r *Rows) CheckEncoded(key, value []byte, timestamp int64, err error) error {
	if err != nil {
		return r.Unencodable(key, err)
	}
	return r.checkRefused(key, value, len(key)-len(r.prefix)+len(value), timestamp)
}

// longestKey is how much of a key is shown.
const longestKey = 100

// Unencodable is the error of a row whose value cannot be encoded.
func (r *Rows) Unencodable(key []byte, err error) error {
	return r.failed(key, fmt.Errorf("%w: %w", ErrEncode, err))
}

// failed is an error of the row under a key.
func (r *Rows) failed(key []byte, err error) error {
	return fmt.Errorf("state: store %s, key %q: %w", r.name, key[len(r.prefix):], err)
}

// timestampSize is that of what stands before the encoded value of a row in the database (Kafka's
// ValueAndTimestampSerializer).
const timestampSize = 8

func (r *Rows) encode(dst []byte, id int) ([]byte, error) {
	row, err := r.column.Append(binary.BigEndian.AppendUint64(dst, uint64(r.young.entry(id).timestamp)), id)
	if err != nil {
		return nil, r.Unencodable(r.young.key(id), err)
	}
	return row, nil
}

// Undecodable is the error of a value that does not decode.
func (r *Rows) Undecodable(err error) error {
	return fmt.Errorf("state: store %s: value: %w", r.name, err)
}

// split is a row of the database in its parts.
func (r *Rows) split(row []byte) (timestamp int64, value []byte, err error) {
	if len(row) < timestampSize {
		return 0, nil, fmt.Errorf("state: store %s: %w: row of %d bytes", r.name, store.ErrCorrupt, len(row))
	}
	r.sizes.saw(len(row))
	return int64(binary.BigEndian.Uint64(row)), row[timestampSize:], nil
}

// Restore enters a changelog record into the database, past the rows in memory, of which a task that restores has none.
// A nil value is a delete.
func (r *Rows) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	r.Doubt()
	if value == nil {
		return b.Delete(key)
	}
	r.scratch = binary.BigEndian.AppendUint64(r.scratch[:0], uint64(timestamp))
	r.scratch = append(r.scratch, value...)
	return b.Set(key, r.scratch)
}

// Doubt ends what memory knows of the database, which is about to change under it.
func (r *Rows) Doubt() { r.complete, r.filled, r.order = false, false, nil }
