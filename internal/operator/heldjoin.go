package operator

import (
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// Holding is a buffer of records that wait for a time, with their headers: in the order of their times. kept is its
// declaration, with the settings of the buffer.
func Holding[K, V any](s state.Buffer[K, V]) (_ state.Buffer[K, storage.Held[V]], kept storage.Spec) {
	d := storage.Unsealed(s.Spec())
	keys, _ := d.Key().(serde.Serde[K])
	values, ok := d.Value().(serde.Serde[V])
	var waiting serde.Serde[storage.Held[V]]
	if ok {
		waiting = storage.HeldSerde(values)
	}
	out := state.NewBuffer(d.Name(), keys, waiting).ByTime()
	options := d.Options()
	options.Waits = true
	return out, storage.Unsealed(out.Spec()).With(options)
}

// HeldJoin is StreamTable for a versioned table, with the records of the stream waiting until stream time has passed
// them by grace: so changes of the table that come a little late are seen. Those that are due join in the order of
// their times; a record that is due when it comes joins at once, and so does one without a key. Stream time is that of
// the stream's records (KIP-923).
func HeldJoin[K, V, U, R any](
	table View[K, U], left bool, grace int64, buffer state.Buffer[K, storage.Held[V]],
	join func(r record[K, V], row optional[U]) (optional[R], error),
) processor[K, V, K, R] {
	return &heldJoin[K, V, U, R]{
		streamTable: streamTable[K, V, U, R]{table: table, left: left, join: join}, grace: grace, declared: buffer,
	}
}

// waitingBuffer is a buffer as it is looked at with each record: without an allocation.
type waitingBuffer[K, V any] interface {
	state.BufferStore[K, V]
	// Waits is false if UntilEach has nothing to show.
	Waits(to int64) bool
	UntilEach(to int64, show func(state.BufferRow[K, V]) (more bool, err error)) error
}

type heldJoin[K, V, U, R any] struct {
	streamTable[K, V, U, R]
	ctx      *context[K, R]
	grace    int64 // milliseconds
	declared state.Buffer[K, storage.Held[V]]
	buffer   waitingBuffer[K, storage.Held[V]]
	show     func(state.BufferRow[K, storage.Held[V]]) (bool, error) // release, made once
}

func (j *heldJoin[K, V, U, R]) Init(ctx *context[K, R]) error {
	j.ctx, j.buffer, j.show = ctx, j.declared.In(ctx).(waitingBuffer[K, storage.Held[V]]), j.release
	return j.streamTable.Init(ctx)
}

func (j *heldJoin[K, V, U, R]) Process(ctx *context[K, R], r record[K, V]) error {
	j.buffer.Observe(r.Timestamp)
	streamTime, _ := j.buffer.Time()
	due := streamTime - j.grace
	if r.NullKey || r.NullValue || r.Timestamp <= due {
		if err := j.streamTable.Process(ctx, r); err != nil {
			return err
		}
	} else if err := j.buffer.Put(r.Key, storage.Held[V]{Value: r.Value, Headers: r.Headers}, r.Timestamp); err != nil {
		return err
	}
	if !j.buffer.Waits(due) {
		return nil
	}
	return j.buffer.UntilEach(due, j.show)
}

// release joins a record that has waited.
func (j *heldJoin[K, V, U, R]) release(row state.BufferRow[K, storage.Held[V]]) (more bool, err error) {
	if err := j.buffer.Remove(row); err != nil {
		return false, err
	}
	return true, j.streamTable.Process(j.ctx, record[K, V]{
		Key: row.Key, Value: row.Value.Value, Timestamp: row.Timestamp, Headers: row.Value.Headers,
	})
}
