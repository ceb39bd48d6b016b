package topology

import (
	"log/slog"
	"time"

	"github.com/millstream-go/millstream/state"
)

// FixedKeyProcessor is a Processor that cannot change the key, by its types: what it forwards stays in its partition,
// and no repartition is needed behind it.
type FixedKeyProcessor[K, VIn, VOut any] interface {
	// Init is called once, with the stores open and restored.
	Init(ctx *FixedKeyContext[K, VOut]) error
	// Process takes one record.
	Process(r FixedKeyRecord[K, VIn]) error
	// Close is called once, when the task ends.
	Close() error
}

// FixedKeyRecord is a Record whose key is read-only. FixedKeyValue makes the record to forward.
type FixedKeyRecord[K, V any] struct{ record Record[K, V] }

// Record is the whole record.
func (r FixedKeyRecord[K, V]) Record() Record[K, V] { return r.record }

// WithTimestamp is the same record at another event time, in milliseconds.
func (r FixedKeyRecord[K, V]) WithTimestamp(timestamp int64) FixedKeyRecord[K, V] {
	r.record.Timestamp = timestamp
	return r
}

// FixedKeyValue is r with another value, or a null one where value is none.
func FixedKeyValue[V2, K, V any](r FixedKeyRecord[K, V], value Optional[V2]) FixedKeyRecord[K, V2] {
	return FixedKeyRecord[K, V2]{WithOptional(r.record, value)}
}

// FixedKeyContext is what a FixedKeyProcessor has of its task: Context, forwarding records whose key came from the
// input.
type FixedKeyContext[K, V any] struct{ ctx *Context[K, V] }

// Forward hands a record to the steps behind.
func (c *FixedKeyContext[K, V]) Forward(r FixedKeyRecord[K, V]) error { return c.ctx.Forward(r.record) }

// Store is an open store, for the typed handles of package state.
func (c *FixedKeyContext[K, V]) Store(name string) state.Store { return c.ctx.Store(name) }

// StreamTime is the highest timestamp of the records that the task has taken; -1 before the first.
func (c *FixedKeyContext[K, V]) StreamTime() int64 { return c.ctx.StreamTime() }

// WallClock is the wall-clock time in milliseconds.
func (c *FixedKeyContext[K, V]) WallClock() int64 { return c.ctx.WallClock() }

// Source tells where the record being processed came from.
func (c *FixedKeyContext[K, V]) Source() (topic string, partition int32, offset int64, ok bool) {
	return c.ctx.Source()
}

// Task is the id of the task.
func (c *FixedKeyContext[K, V]) Task() TaskID { return c.ctx.Task() }

// Commit asks for a commit soon after this record.
func (c *FixedKeyContext[K, V]) Commit() { c.ctx.Commit() }

// Drop counts a record that the step drops.
func (c *FixedKeyContext[K, V]) Drop(reason DropReason) { c.ctx.Drop(reason) }

// Logger carries task and node.
func (c *FixedKeyContext[K, V]) Logger() *slog.Logger { return c.ctx.Logger() }

// Schedule is Context.Schedule. A punctuation has no record and so no key to forward under.
func (c *FixedKeyContext[K, V]) Schedule(
	every time.Duration, clock PunctuationType, fn func(now int64) error,
) (cancel func()) {
	return c.ctx.Schedule(every, clock, fn)
}

// FixedKey makes a Processor of a FixedKeyProcessor; of nil, nil.
func FixedKey[K, VIn, VOut any](p FixedKeyProcessor[K, VIn, VOut]) Processor[K, VIn, K, VOut] {
	if p == nil {
		return nil
	}
	return fixedKey[K, VIn, VOut]{p}
}

type fixedKey[K, VIn, VOut any] struct {
	processor FixedKeyProcessor[K, VIn, VOut]
}

func (f fixedKey[K, VIn, VOut]) Init(ctx *Context[K, VOut]) error {
	return f.processor.Init(&FixedKeyContext[K, VOut]{ctx})
}

func (f fixedKey[K, VIn, VOut]) Process(r Record[K, VIn]) error {
	return f.processor.Process(FixedKeyRecord[K, VIn]{r})
}

func (f fixedKey[K, VIn, VOut]) Close() error { return f.processor.Close() }

// unwrap is the user's processor, which may do more than the interface demands.
func (f fixedKey[K, VIn, VOut]) unwrap() any { return f.processor }
