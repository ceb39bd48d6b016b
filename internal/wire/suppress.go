package wire

import (
	"bytes"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// BufferHeader marks the changelog records that hold a BufferValue: version 3 of the format. Records with a lower
// version, or without one, are in formats of the past, which BufferSerde does not read. Tombstones have no header.
// Nobody may change it.
var BufferHeader = graph.Header{Key: "v", Value: []byte{3}}

// BufferValue is a row that suppress holds back.
type BufferValue struct {
	Context    RecordContext // of the last change
	Prior      []byte        // the row as it was before the first change that is held back; nil if there was none
	Old, New   []byte        // the last change; nil is none
	BufferTime int64         // milliseconds: the first change, or the end of the window; the wait begins there
}

// RecordContext is where a record comes from.
type RecordContext struct {
	Timestamp int64 // milliseconds
	Offset    int64
	Topic     string
	Partition int32
	Headers   []graph.Header
}

// sameAsPrior is the length of an old value that is not written because it equals the prior one.
const sameAsPrior = -2

// BufferSerde has the bytes of the changelogs of Java's InMemoryTimeOrderedKeyValueChangeBuffer, version 3. In a
// decoded value, Prior and Old may be one slice.
var BufferSerde serde.Serde[BufferValue] = bufferSerde{}

type bufferSerde struct{}

func (bufferSerde) Format() string { return "buffer/3" }

func (bufferSerde) Append(dst []byte, v BufferValue) ([]byte, error) {
	dst = v.Context.append(dst)
	dst = appendNullable(dst, v.Prior)
	if v.Prior != nil && v.Old != nil && bytes.Equal(v.Prior, v.Old) {
		dst = appendInt32(dst, sameAsPrior)
	} else {
		dst = appendNullable(dst, v.Old)
	}
	dst = appendNullable(dst, v.New)
	return appendInt64(dst, v.BufferTime), nil
}

func (bufferSerde) Decode(src []byte) (BufferValue, error) {
	r := reader{src: bytes.Clone(src)}
	v := BufferValue{Context: r.context(), Prior: r.nullable()}
	v.Old = v.Prior
	if length := r.int32(); length != sameAsPrior {
		v.Old = r.nullableOf(length)
	}
	v.New, v.BufferTime = r.nullable(), r.int64()
	if err := r.end("buffer value"); err != nil {
		return BufferValue{}, err
	}
	return v, nil
}

func (c *RecordContext) append(dst []byte) []byte {
	dst = appendInt64(appendInt64(dst, c.Timestamp), c.Offset)
	dst = appendInt32(appendSized(dst, c.Topic), c.Partition)
	dst = appendInt32(dst, int32(len(c.Headers)))
	for _, h := range c.Headers {
		dst = appendNullable(appendSized(dst, h.Key), h.Value)
	}
	return dst
}

func (r *reader) context() RecordContext {
	return RecordContext{
		Timestamp: r.int64(), Offset: r.int64(), Topic: string(r.sized()), Partition: r.int32(), Headers: r.headers(),
	}
}

// headers are nil if there are none, for which Java once wrote the number -1.
func (r *reader) headers() []graph.Header {
	n := r.int32()
	if n == 0 || n == nullLength {
		return nil
	}
	headers := make([]graph.Header, r.countOf(n, 8))
	for i := range headers {
		headers[i] = graph.Header{Key: string(r.sized()), Value: r.nullable()}
	}
	return headers
}
