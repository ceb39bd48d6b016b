package operator

import "github.com/millstream-go/millstream/internal/graph"

// GlobalJoin joins each record of a stream with the row of a global table that it names. Only the stream triggers;
// results have its key, timestamp and headers. A null key of the record does not matter. Null values are dropped and
// counted. Where the record names no row an inner join drops and counts it; there, and where there is no row, a left
// join calls join with none.
func GlobalJoin[K, V, GK, U, R any](
	table View[GK, U], left bool, name func(record[K, V]) (optional[GK], error),
	join func(r record[K, V], named optional[GK], row optional[U]) (optional[R], error),
) processor[K, V, K, R] {
	return &globalJoin[K, V, GK, U, R]{table: table, left: left, name: name, join: join}
}

type globalJoin[K, V, GK, U, R any] struct {
	table View[GK, U]
	get   Getter[GK, U]
	left  bool
	name  func(record[K, V]) (optional[GK], error)
	join  func(record[K, V], optional[GK], optional[U]) (optional[R], error)
}

func (j *globalJoin[K, V, GK, U, R]) Init(ctx *context[K, R]) error {
	j.get = j.table(ctx)
	return nil
}

func (j *globalJoin[K, V, GK, U, R]) Process(ctx *context[K, R], r record[K, V]) error {
	if r.NullValue {
		ctx.Drop(graph.DropNullValue)
		return nil
	}
	named, err := Clean(j.name(r))
	if err != nil {
		return err
	}
	if !named.OK && !j.left {
		ctx.Drop(graph.DropNullKey)
		return nil
	}
	var row optional[U]
	if named.OK {
		if row.Value, _, row.OK, err = j.get(named.Value, Newest); err != nil {
			return err
		}
	}
	if !row.OK && !j.left {
		return nil
	}
	out, err := j.join(r, named, row)
	if err != nil {
		return err
	}
	return ctx.Forward(graph.WithOptional(r, out))
}
