package wire

import (
	"bytes"

	"github.com/millstream-go/millstream/serde"
)

// Combined is a key of the subscription store of a foreign-key join: all subscriptions of a foreign key lie together.
type Combined struct {
	Foreign, Primary []byte
}

// CombinedSerde has the bytes of Java's CombinedKeySchema: the length of the foreign key as int32, the foreign key, the
// primary key. What it decodes shares memory with its input, until it is cloned.
var CombinedSerde serde.Serde[Combined] = combinedSerde{}

// CombinedPrefix is what the keys of all subscriptions of a foreign key begin with, and no others.
func CombinedPrefix(foreign []byte) []byte {
	return appendSized(make([]byte, 0, 4+len(foreign)), foreign)
}

type combinedSerde struct{}

func (combinedSerde) Format() string { return "combined" }

func (combinedSerde) Append(dst []byte, c Combined) ([]byte, error) {
	return append(appendSized(dst, c.Foreign), c.Primary...), nil
}

func (combinedSerde) Decode(src []byte) (Combined, error) {
	r := reader{src: src}
	c := Combined{Foreign: r.sized(), Primary: r.rest(0)}
	if err := r.end("combined key"); err != nil {
		return Combined{}, err
	}
	return c, nil
}

func (combinedSerde) Clone(c Combined) Combined {
	return Combined{Foreign: bytes.Clone(c.Foreign), Primary: bytes.Clone(c.Primary)}
}
