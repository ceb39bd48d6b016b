package operator

import (
	stdcontext "context"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
)

// MapAsync gives each record the value that a slow function has for it. Records wait in a store until their answers
// come, and leave in the order in which they came; of one key, no call begins before the one in front of it has ended.
// Records for which needed is false wait for their turn only, and become null.
func MapAsync[K, V, VR any](
	flights *Flights, key serde.Serde[K], value serde.Serde[V], needed func(record[K, V]) bool,
	fn func(stdcontext.Context, record[K, V]) (optional[VR], error),
) processor[K, V, K, VR] {
	return &mapAsync[K, V, VR]{flightQueue: flights.new(), key: key, value: value, needed: needed, fn: fn}
}

// mapAsync is what knows the types: it encodes what goes into the store, and calls the function.
type mapAsync[K, V, VR any] struct {
	*flightQueue
	ctx    *context[K, VR]
	key    serde.Serde[K]
	value  serde.Serde[V]
	needed func(record[K, V]) bool
	fn     func(stdcontext.Context, record[K, V]) (optional[VR], error)
	bytes  []byte // scratch
}

func (m *mapAsync[K, V, VR]) Init(ctx *context[K, VR]) error {
	m.ctx, m.key = ctx, graph.Checked(ctx, m.key)
	return m.open(ctx, m.restore)
}

func (m *mapAsync[K, V, VR]) Process(ctx *context[K, VR], r record[K, V]) (err error) {
	row := wire.Waiting{Context: wire.RecordContext{Timestamp: r.Timestamp, Headers: r.Headers}}
	row.Context.Topic, row.Context.Partition, row.Context.Offset, _ = ctx.Source()
	if row.Key, err = encodeOptional(m.key, &m.bytes, optional[K]{Value: r.Key, OK: !r.NullKey}); err != nil {
		return err
	}
	if row.Value, err = encodeOptional(m.value, &m.bytes, optional[V]{Value: r.Value, OK: !r.NullValue}); err != nil {
		return err
	}
	return m.take(row, m.flight(r))
}

// flight is a record that has just come.
func (m *mapAsync[K, V, VR]) flight(r record[K, V]) *flight {
	f := &flight{record: r}
	if !m.needed(r) {
		f.end(optional[VR]{}, nil)
	}
	return f
}

// restore is a record that an earlier run of the task has left. One that cannot be decoded any more is an error of the
// record.
func (m *mapAsync[K, V, VR]) restore(row wire.Waiting) *flight {
	r, err := m.decode(row)
	if err != nil {
		f := &flight{record: r}
		f.end(nil, err)
		return f
	}
	return m.flight(r)
}

func (m *mapAsync[K, V, VR]) decode(row wire.Waiting) (record[K, V], error) {
	r := record[K, V]{Timestamp: row.Context.Timestamp, Headers: row.Context.Headers}
	key, err := decodeOptional(m.key, row.Key)
	if err != nil {
		return r, err
	}
	value, err := decodeOptional(m.value, row.Value)
	r.Key, r.NullKey, r.Value, r.NullValue = key.Value, !key.OK, value.Value, !value.OK
	return r, err
}

func encodeOptional[V any](values serde.Serde[V], scratch *[]byte, v optional[V]) (_ []byte, err error) {
	if !v.OK {
		return nil, nil
	}
	*scratch, err = values.Append((*scratch)[:0], v.Value)
	return append([]byte{}, *scratch...), err
}

func decodeOptional[V any](values serde.Serde[V], b []byte) (out optional[V], err error) {
	if b == nil {
		return out, nil
	}
	out.OK = true
	out.Value, err = values.Decode(b)
	return out, err
}

// Ask begins the calls that may begin.
func (m *mapAsync[K, V, VR]) Ask() {
	for _, f := range m.due() {
		r := f.record.(record[K, V])
		graph.Begin(m.ctx, m.call(f, func(ctx stdcontext.Context) (any, error) {
			out, err := m.fn(ctx, r)
			return out, err
		}))
	}
}

// Answer passes the answer that comes next on.
func (m *mapAsync[K, V, VR]) Answer() error {
	f := m.head()
	if f.err != nil {
		return f.err
	}
	if err := m.LeaveOut(); err != nil {
		return err
	}
	r := f.record.(record[K, V])
	out, err := Clean(f.result.(optional[VR]), nil)
	if err != nil {
		return err
	}
	return m.ctx.Forward(graph.WithOptional(r, out))
}
