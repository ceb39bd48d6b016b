package registry

import (
	"encoding/binary"
	"slices"

	"github.com/millstream-go/millstream/serde"
)

const idSize = 5 // 0, and the id

// headerSize is how many bytes stand in front of a value, 0 if they are not those of a header.
func headerSize(src []byte, kind string) int {
	if len(src) < idSize || src[0] != 0 {
		return 0
	}
	if kind != serde.ProtobufSchema {
		return idSize
	}
	n, at := binary.Varint(src[idSize:])
	if at <= 0 || n < 0 || n > deepest {
		return 0
	}
	end := idSize + at
	for range n {
		i, at := binary.Varint(src[end:])
		if at <= 0 || i < 0 {
			return 0
		}
		end += at
	}
	return end
}

func idOf(header string) int { return int(binary.BigEndian.Uint32([]byte(header[1:idSize]))) }

// appendIndexes appends where a message stands in its file: the number of indexes and the indexes, as zigzag varints.
// The first message of a file, by far the most frequent, is a single 0.
func appendIndexes(dst []byte, message []int) []byte {
	if slices.Equal(message, []int{0}) {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(message)))
	for _, i := range message {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}

// indexesOf are those in a header of Protobuf; of other formats, nil.
func indexesOf(header string) (message []int) {
	rest := []byte(header[idSize:])
	if len(rest) == 0 {
		return nil
	}
	n, at := binary.Varint(rest)
	if n == 0 {
		return []int{0}
	}
	for range n {
		rest = rest[at:]
		var i int64
		i, at = binary.Varint(rest)
		message = append(message, int(i))
	}
	return message
}
