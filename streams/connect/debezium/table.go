package debezium

import (
	"errors"
	"reflect"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// TableOption changes what Table makes of changes.
type TableOption func(*tableOptions)

type tableOptions struct{ truncate bool }

// EmptyOnTruncate empties the table when the database's is truncated. The topic, and all topics that it is joined with,
// must have one partition, as a truncate has no key and reaches one of them: an application that finds more ends. By
// default a truncate is a TruncateError.
func EmptyOnTruncate() TableOption { return func(o *tableOptions) { o.truncate = true } }

// Table reads a topic of changes as the table that they tell of, kept in a store: streams.TableFrom for change events.
// Rows that are created, updated, or read by a snapshot are put, deleted ones are deleted, and so are those whose key
// changes, under the old one. Tombstones tell nothing new, messages nothing at all.
//
// A value that an update left alone and that was not sent stays as the table, else Before, has it; if neither has it,
// the record fails with an UnavailableError.
func Table[K, R any](
	b *streams.Builder, topic streams.Topic[K, Change[R]], store state.KeyValue[K, R], opts ...TableOption,
) *streams.Table[K, R] {
	var o tableOptions
	for _, option := range opts {
		option(&o)
	}
	r, _ := structRow(reflect.TypeFor[R]()) // what is wrong with it, the topic's serde tells
	changed := streams.Process(streams.From(b, topic), func() streams.Processor[K, Change[R], K, R] {
		return &rowKeeper[K, R]{declared: store, row: r, options: o}
	}, store)
	return changed.MarkAsPartitioned().ToTable(store)
}

// rowKeeper makes rows of changes, for the table behind it, whose store it reads.
type rowKeeper[K, R any] struct {
	declared state.KeyValue[K, R]
	store    state.KeyValueStore[K, R]
	row      *row
	options  tableOptions
}

func (k *rowKeeper[K, R]) Init(ctx *streams.Context[K, R]) error {
	if k.options.truncate && ctx.Task().Partition > 0 {
		return errors.New("debezium: EmptyOnTruncate needs topics of one partition, as a truncate reaches one of them only")
	}
	k.store = k.declared.In(ctx)
	return nil
}

func (k *rowKeeper[K, R]) Process(ctx *streams.Context[K, R], r streams.Record[K, Change[R]]) error {
	row := streams.Record[K, R]{Key: r.Key, NullKey: r.NullKey, Timestamp: r.Timestamp, Headers: r.Headers}
	switch {
	case !r.NullValue && r.Value.Op == Truncate:
		return k.truncate(ctx, r)
	case !r.NullValue && r.Value.Op == Message:
		return nil
	case r.NullValue || !r.Value.After.OK:
		row.NullValue = true
		return ctx.Forward(row)
	}
	row.Value = r.Value.After.Value
	if len(r.Value.Unavailable) > 0 {
		if err := k.complete(&row.Value, r); err != nil {
			return err
		}
	}
	return ctx.Forward(row)
}

// complete takes what was not sent from the row as it was.
func (k *rowKeeper[K, R]) complete(row *R, r streams.Record[K, Change[R]]) error {
	was, ok, err := k.store.Get(r.Key)
	if err != nil {
		return err
	}
	if !ok {
		was, ok = r.Value.Before.Value, r.Value.Before.OK
	}
	if !ok {
		return &UnavailableError{Columns: r.Value.Unavailable}
	}
	k.row.keep(r.Value.Unavailable, reflect.ValueOf(&was).Elem(), reflect.ValueOf(row).Elem())
	return nil
}

func (k *rowKeeper[K, R]) truncate(ctx *streams.Context[K, R], r streams.Record[K, Change[R]]) error {
	if !k.options.truncate {
		return &TruncateError{Table: r.Value.Source.Schema + "." + r.Value.Source.Table}
	}
	for row, err := range k.store.All() {
		if err != nil {
			return err
		}
		gone := streams.Record[K, R]{Key: row.Key, NullValue: true, Timestamp: r.Timestamp}
		if err := ctx.Forward(gone); err != nil {
			return err
		}
	}
	return nil
}
