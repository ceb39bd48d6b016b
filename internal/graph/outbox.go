package graph

// Outbox collects the outputs of a task. Its bytes come from chunks that are never reused: a record that is still being
// sent keeps its chunk alive, and no record costs an allocation of its own.
type Outbox struct {
	records []Output
	bytes   int64 // of records
	chunk   []byte

	from       *Origin // of the record in work
	fromOffset int64
}

// From says which record the outputs that are added next are made of; nil: none.
func (o *Outbox) From(origin *Origin, offset int64) { o.from, o.fromOffset = origin, offset }

const outboxChunk = 64 << 10

// Room is an empty slice to append encoded bytes to. What was appended must be given to Keep before Room is called
// again.
func (o *Outbox) Room() []byte {
	if cap(o.chunk)-len(o.chunk) < outboxChunk/64 {
		o.chunk = make([]byte, 0, outboxChunk)
	}
	n := len(o.chunk)
	return o.chunk[n:n:cap(o.chunk)]
}

// Keep takes bytes that were appended to the last Room, so that the next Room lies behind them, and returns them with
// no room to grow.
func (o *Outbox) Keep(b []byte) []byte {
	n := len(o.chunk)
	if len(b) <= cap(o.chunk)-n && cap(b) == cap(o.chunk)-n {
		o.chunk = o.chunk[:n+len(b)]
	}
	return b[:len(b):len(b)]
}

// Add appends an output.
func (o *Outbox) Add(out Output) {
	out.From, out.FromOffset = o.from, o.fromOffset
	o.records = append(o.records, out)
	o.bytes += out.size()
}

// size is the number of bytes that an output takes, about.
func (o *Output) size() int64 {
	n := 64 + len(o.Key) + len(o.Value)
	for i := range o.Headers {
		n += len(o.Headers[i].Key) + len(o.Headers[i].Value)
	}
	return int64(n)
}

// Len is the number of outputs.
func (o *Outbox) Len() int { return len(o.records) }

// Bytes is what the outputs take, about.
func (o *Outbox) Bytes() int64 { return o.bytes }

// Truncate drops the outputs from the n-th on: those of a record that failed.
func (o *Outbox) Truncate(n int) {
	for i := n; i < len(o.records); i++ {
		o.bytes -= o.records[i].size()
	}
	clear(o.records[n:])
	o.records = o.records[:n]
}

// Drain hands out what has been collected. The slice is valid until the next Add.
func (o *Outbox) Drain() []Output {
	out := o.records
	o.records, o.bytes = o.records[:0], 0
	return out
}
