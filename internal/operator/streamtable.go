package operator

import (
	"math"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// Getter looks a row of a table up: as of a time where the table is versioned, else as it is now.
type Getter[K, V any] func(key K, at int64) (value V, timestamp int64, ok bool, err error)

// Newest as the time of a Getter asks for the newest version.
const Newest = math.MaxInt64

// View opens a table's Getter on the stores of a task.
type View[K, V any] func(stores Stores) Getter[K, V]

// Lookup is a Getter without types: it copies the row into value.
type Lookup func(key any, at int64, value any) (timestamp int64, ok bool, err error)

// Rows opens a table's Lookup on the stores of a task.
type Rows func(stores Stores) Lookup

// RowsIn are those of a store of keys, RowsOfWindows of one of windows or sessions, under windowed keys, and
// RowsAsOf of a versioned one.
func RowsIn(store storage.Spec) Rows {
	return func(stores Stores) Lookup {
		open := handleOf[rows.ByKey](stores, store)
		return func(key any, _ int64, value any) (int64, bool, error) { return open.Load(key, value) }
	}
}

// RowsOfWindows is RowsIn for stores of windows and sessions.
func RowsOfWindows(store storage.Spec) Rows {
	return func(stores Stores) Lookup {
		open := handleOf[rows.ByWindow](stores, store)
		return func(key any, _ int64, value any) (int64, bool, error) { return open.LoadWindowed(key, value) }
	}
}

// RowsAsOf is RowsIn for versioned stores.
func RowsAsOf(store storage.Spec) Rows {
	return func(stores Stores) Lookup { return handleOf[rows.ByVersion](stores, store).AsOfInto }
}

// Mapped are rows with another value. put copies what a mapper gives into the variable of who looks.
func (r Rows) Mapped(fn func() Mapper, newValue func() any, put func(value, out any)) Rows {
	if r == nil {
		return nil
	}
	return func(stores Stores) Lookup {
		look, mapped, row := r(stores), fn(), newValue()
		var f flow
		return func(key any, at int64, value any) (timestamp int64, ok bool, err error) {
			timestamp, ok, err = look(key, at, row)
			if err != nil || !ok {
				return 0, false, err
			}
			f = flow{Key: key, Value: row, Timestamp: timestamp}
			out, err := mapped(&f)
			if err != nil || out == nil {
				return timestamp, false, err
			}
			put(out, value)
			return timestamp, true, nil
		}
	}
}

// ViewOf are rows with their types.
func ViewOf[K, V any](r Rows) View[K, V] {
	return func(stores Stores) Getter[K, V] {
		look := r(stores)
		var key K
		var row V
		return func(k K, at int64) (value V, timestamp int64, ok bool, err error) {
			key = k
			if timestamp, ok, err = look(&key, at, &row); ok {
				value = row
			}
			return value, timestamp, ok, err
		}
	}
}

// RowsOf is a view without its types.
func RowsOf[K, V any](v View[K, V]) Rows {
	return func(stores Stores) Lookup {
		get := v(stores)
		return func(key any, at int64, value any) (timestamp int64, ok bool, err error) {
			row, timestamp, ok, err := get(*key.(*K), at)
			if ok {
				*value.(*V) = row
			}
			return timestamp, ok, err
		}
	}
}

// Stores finds the open stores of a task by name.
type Stores = state.Stores

// StreamTable joins each record of a stream with the row of its key as it is now, or as it was at the record's time
// where the table is versioned. Only the stream triggers; results
// have the record's timestamp and headers. Null values are dropped and counted. Where there is no row, an inner join
// gives nothing and a left join calls join with none, as it does for a null key.
func StreamTable[K, V, U, R any](
	table View[K, U], left bool, join func(r record[K, V], row optional[U]) (optional[R], error),
) processor[K, V, K, R] {
	return &streamTable[K, V, U, R]{table: table, left: left, join: join}
}

type streamTable[K, V, U, R any] struct {
	table View[K, U]
	get   Getter[K, U]
	left  bool
	join  func(record[K, V], optional[U]) (optional[R], error)
}

func (j *streamTable[K, V, U, R]) Init(ctx *context[K, R]) error {
	j.get = j.table(ctx)
	return nil
}

func (j *streamTable[K, V, U, R]) Process(ctx *context[K, R], r record[K, V]) error {
	if r.NullValue || r.NullKey && !j.left {
		reason, _ := missing(r)
		ctx.Drop(reason)
		return nil
	}
	var row optional[U]
	var err error
	if !r.NullKey {
		if row.Value, _, row.OK, err = j.get(r.Key, r.Timestamp); err != nil {
			return err
		}
	}
	if !row.OK && !j.left {
		return nil
	}
	out, err := j.join(r, row)
	if err != nil {
		return err
	}
	return ctx.Forward(graph.WithOptional(r, out))
}
