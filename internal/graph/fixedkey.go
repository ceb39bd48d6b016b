package graph

// FixedKeyProcessor is a Processor that cannot change the key, by its types: what it forwards stays in its partition,
// and no repartition is needed downstream. It may have the same further methods, with its own context.
type FixedKeyProcessor[K, VIn, VOut any] interface {
	// Process takes one record; it passes results on with FixedKeyContext.Forward.
	Process(ctx *FixedKeyContext[K, VOut], r FixedKeyRecord[K, VIn]) error
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

// FixedKeyContext is what a FixedKeyProcessor has of its task: a Context that forwards records whose key came from the
// input. A punctuation has no record, and so no key to forward under.
type FixedKeyContext[K, V any] struct {
	scope
	out *outlet[K, V]
}

// Forward hands a record to the steps downstream, see Context.Forward.
func (c *FixedKeyContext[K, V]) Forward(r FixedKeyRecord[K, V]) error { return c.out.send(&r.record) }
