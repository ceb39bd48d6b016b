package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Getter looks a row of a table up.
type Getter[K, V any] func(key K) (value V, timestamp int64, ok bool, err error)

// View opens a table's Getter on the stores of a task.
type View[K, V any] func(stores state.Stores) Getter[K, V]

// StreamTable joins each record of a stream with the row of its key as it is now. Only the stream triggers; results
// have the record's timestamp and headers. Null values are dropped and counted. Where there is no row, an inner join
// gives nothing and a left join calls join with none, as it does for a null key.
func StreamTable[K, V, U, R any](
	table View[K, U], left bool, join func(r record[K, V], row optional[U]) (optional[R], error),
) processor[K, V, K, R] {
	return &streamTable[K, V, U, R]{table: table, left: left, join: join}
}

type streamTable[K, V, U, R any] struct {
	topology.Contextual[K, R]
	table View[K, U]
	get   Getter[K, U]
	left  bool
	join  func(record[K, V], optional[U]) (optional[R], error)
}

func (j *streamTable[K, V, U, R]) Init(ctx *topology.Context[K, R]) error {
	j.get = j.table(ctx)
	return j.Contextual.Init(ctx)
}

func (j *streamTable[K, V, U, R]) Process(r record[K, V]) error {
	if r.NullValue || r.NullKey && !j.left {
		reason, _ := missing(r)
		j.Ctx.Drop(reason)
		return nil
	}
	var row optional[U]
	var err error
	if !r.NullKey {
		if row.Value, _, row.OK, err = j.get(r.Key); err != nil {
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
	return j.Ctx.Forward(topology.WithOptional(r, out))
}
