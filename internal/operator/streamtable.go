package operator

import (
	"math"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Getter looks a row of a table up: as of a time where the table is versioned, else as it is now.
type Getter[K, V any] func(key K, at int64) (value V, timestamp int64, ok bool, err error)

// Newest as the time of a Getter asks for the newest version.
const Newest = math.MaxInt64

// View opens a table's Getter on the stores of a task.
type View[K, V any] func(stores Stores) Getter[K, V]

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
	return ctx.Forward(topology.WithOptional(r, out))
}
