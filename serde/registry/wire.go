package registry

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/serde"
)

const (
	idSize   = 5  // 0, and the id
	guidSize = 17 // 1, and the GUID, as Confluent's HeaderSchemaIdSerializer has it
)

// nameSize is how many bytes name the schema, 0 if they name none.
func nameSize(src []byte) int {
	switch {
	case len(src) >= idSize && src[0] == 0:
		return idSize
	case len(src) >= guidSize && src[0] == 1:
		return guidSize
	}
	return 0
}

// headerSize is how many bytes stand in front of a value, 0 if they are not those of a header.
func headerSize(src []byte, kind string) int {
	name := nameSize(src)
	if name == 0 || kind != serde.ProtobufSchema {
		return name
	}
	n, at := binary.Varint(src[name:])
	if at <= 0 || n < 0 || n > deepest {
		return 0
	}
	end := name + at
	for range n {
		i, at := binary.Varint(src[end:])
		if at <= 0 || i < 0 {
			return 0
		}
		end += at
	}
	return end
}

var guids = serde.UUID[[16]byte]()

// nameOf is how a header names the schema.
func nameOf(header string) schemaName {
	if header[0] == 1 {
		text, _ := guids.Append(nil, [16]byte([]byte(header[1:guidSize]))) // cannot fail
		return schemaName{guid: string(text)}
	}
	return schemaName{id: int(binary.BigEndian.Uint32([]byte(header[1:idSize])))}
}

// schemaName is how values name their schema: by an id of the registry, or by a GUID, which is the same in all.
type schemaName struct {
	id   int
	guid string // empty: it has an id
}

func (n schemaName) String() string {
	if n.guid != "" {
		return "schema GUID " + n.guid
	}
	return fmt.Sprintf("schema id %d", n.id)
}

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
	rest := []byte(header[nameSize([]byte(header)):])
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
