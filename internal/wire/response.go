package wire

import (
	"bytes"

	"github.com/millstream-go/millstream/serde"
)

// Response is what the right side of a foreign-key join answers to a Subscription. Its key in the response topic is the
// primary key.
type Response struct {
	Hash  Hash   // that of the subscription
	Value []byte // the right row, nil if there is none; one of no bytes reads as nil: see EmptyRowHeader
}

// EmptyRowHeader is the header of a response whose right row is there and has no bytes, as an empty text. The bytes of
// Java do not tell that from no row, which it is for Java and for earlier releases: they pass over the header.
const EmptyRowHeader = "millstream-empty-row"

// ResponseSerde has the bytes of Java's SubscriptionResponseWrapperSerde, version 0. What it decodes shares memory with
// its input, until it is cloned.
var ResponseSerde serde.Serde[Response] = responseSerde{}

type responseSerde struct{}

func (responseSerde) Format() string { return "response" }

func (responseSerde) Append(dst []byte, v Response) ([]byte, error) {
	return append(v.Hash.append(append(dst, v.Hash.versioned(0))), v.Value...), nil
}

func (responseSerde) Decode(src []byte) (Response, error) {
	r := reader{src: src}
	first := r.byte()
	if version := first &^ hashNull; version != 0 {
		r.fail("unknown version %d", version)
	}
	v := Response{Hash: r.hash(first)}
	if r.left() > 0 {
		v.Value = r.rest(0)
	}
	if err := r.end("response"); err != nil {
		return Response{}, err
	}
	return v, nil
}

func (responseSerde) Clone(v Response) Response {
	v.Value = bytes.Clone(v.Value)
	return v
}
