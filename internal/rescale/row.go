package rescale

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/wire"
)

// row is a live row of a store as its changelog has it, or a record of a repartition topic that is not processed yet.
type row struct {
	partition  int32
	key, value []byte // value nil: the delete of a versioned store's row
	at         int64  // milliseconds
	headers    []kgo.RecordHeader
}

// rowOf is what a record holds. Headers that belong to a place in one log do not go along.
func rowOf(r *kgo.Record) row {
	out := row{partition: r.Partition, key: r.Key, value: r.Value, at: r.Timestamp.UnixMilli()}
	for _, h := range r.Headers {
		if h.Key != wire.EpochHeader && h.Key != wire.FormatHeader {
			out.headers = append(out.headers, h)
		}
	}
	return out
}

// encode is the row in bytes, but for the partition.
func (r row) encode() []byte {
	b := binary.AppendVarint(nil, r.at)
	b = appendBytes(appendBytes(b, r.key), r.value)
	for _, h := range r.headers {
		b = appendBytes(appendBytes(b, []byte(h.Key)), h.Value)
	}
	return b
}

// appendBytes writes 0 for nil, else the length and 1 before the bytes.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
}

var errRow = errors.New("rescale: a row that was kept is damaged")

// decodeRow reads what encode wrote. It shares memory with b.
func decodeRow(partition int32, b []byte) (r row, err error) {
	at, n := binary.Varint(b)
	if n <= 0 {
		return r, errRow
	}
	r.partition, r.at, b = partition, at, b[n:]
	if r.key, b, err = cutBytes(b); err == nil {
		r.value, b, err = cutBytes(b)
	}
	for err == nil && len(b) > 0 {
		var h kgo.RecordHeader
		var key []byte
		if key, b, err = cutBytes(b); err == nil {
			h.Key = string(key)
			h.Value, b, err = cutBytes(b)
		}
		r.headers = append(r.headers, h)
	}
	return r, err
}

func cutBytes(b []byte) (out, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n)+1 {
		return nil, nil, errRow
	}
	if b = b[n:]; size == 0 {
		return nil, b, nil
	}
	return b[: size-1 : size-1], b[size-1:], nil
}
