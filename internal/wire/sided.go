package wire

import (
	"bytes"

	"github.com/millstream-go/millstream/serde"
)

// Sided is a record of one side of an outer or left join of two streams that waits for a match.
type Sided struct {
	Left  bool // else right
	Value []byte
}

// SidedSerde is for the values of the store that both sides share: a list, as of ListSerde, in which each entry is a
// byte for the side (1 left, 0 right) and the value. No entry is null.
var SidedSerde serde.Serde[[]Sided] = sidedSerde{}

type sidedSerde struct{}

func (sidedSerde) Format() string { return "list(sided)" }

func (sidedSerde) Append(dst []byte, list []Sided) ([]byte, error) {
	dst = appendListHead(dst, len(list))
	for _, v := range list {
		dst = appendInt32(dst, int32(1+len(v.Value)))
		dst = append(appendFlag(dst, v.Left), v.Value...)
	}
	return dst, nil
}

func (sidedSerde) Decode(src []byte) ([]Sided, error) {
	r := reader{src: bytes.Clone(src)}
	list := make([]Sided, r.listHead(5))
	for i := range list {
		n := int(r.int32())
		list[i] = Sided{Left: r.flag(), Value: r.take(n - 1)}
	}
	if err := r.end("sided list"); err != nil {
		return nil, err
	}
	return list, nil
}

// SharedKey appends the key of a row in the store that both sides share: the timestamp in milliseconds as int64, a byte
// for the side (1 left, 0 right), and the key of the records. The oldest rows come first.
func SharedKey(dst []byte, timestamp int64, left bool, key []byte) []byte {
	return append(appendFlag(appendInt64(dst, timestamp), left), key...)
}

// SplitSharedKey takes a SharedKey apart. key is a part of b.
func SplitSharedKey(b []byte) (timestamp int64, left bool, key []byte, err error) {
	r := reader{src: b}
	timestamp, left, key = r.int64(), r.flag(), r.rest(0)
	return timestamp, left, key, r.end("shared key")
}
