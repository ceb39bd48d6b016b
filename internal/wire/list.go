package wire

import (
	"bytes"

	"github.com/millstream-go/millstream/serde"
)

// variableSize is the strategy of Java's ListSerializer in which each entry has a length of its own.
const variableSize = 1

// ListSerde has the bytes of Java's ListSerializer of byte arrays: the strategy as a byte, the number of entries as
// int32, and each entry behind its length as int32. A nil entry is null. Lists of the other strategy, whose entries all
// have one size, are an error.
var ListSerde serde.Serde[[][]byte] = listSerde{}

type listSerde struct{}

func (listSerde) Format() string { return "list(bytes)" }

func (listSerde) Append(dst []byte, list [][]byte) ([]byte, error) {
	dst = appendListHead(dst, len(list))
	for _, entry := range list {
		dst = appendNullable(dst, entry)
	}
	return dst, nil
}

func (listSerde) Decode(src []byte) ([][]byte, error) {
	r := reader{src: bytes.Clone(src)}
	list := make([][]byte, r.listHead(4))
	for i := range list {
		list[i] = r.nullable()
	}
	if err := r.end("list"); err != nil {
		return nil, err
	}
	return list, nil
}

func appendListHead(dst []byte, entries int) []byte {
	return appendInt32(append(dst, variableSize), int32(entries))
}

// listHead is the number of entries that follow, of at least size bytes each.
func (r *reader) listHead(size int) int {
	if strategy := r.byte(); strategy != variableSize {
		r.fail("strategy %d, not %d", strategy, variableSize)
	}
	return r.count(size)
}
