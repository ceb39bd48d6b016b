package graph

import (
	"slices"

	"github.com/millstream-go/millstream/serde"
)

// framing moves the frames of a serde between the values of records and their headers. Nil: the serde has none.
type framing struct {
	serde  serde.Framed
	header string
	bytes  []byte // scratch
}

func framingOf(s any) *framing {
	framed, ok := s.(serde.Framed)
	if !ok {
		return nil
	}
	return &framing{serde: framed, header: framed.FrameHeader()}
}

// join puts the frame that a header has in front of b, and takes the header out. The bytes are good until the next
// call.
func (f *framing) join(headers *[]Header, b []byte) []byte {
	frame, found := take(headers, f.header)
	if !found || b == nil {
		return b
	}
	f.bytes = append(append(f.bytes[:0], frame...), b...)
	return f.bytes
}

// split moves the frame of b into a header, if it belongs there. A header that the record had is another record's.
func (f *framing) split(headers *[]Header, b []byte) []byte {
	take(headers, f.header)
	n := f.serde.Frame(b)
	if n == 0 {
		return b
	}
	*headers = append((*headers)[:len(*headers):len(*headers)], Header{Key: f.header, Value: b[:n:n]})
	return b[n:]
}

// take leaves headers of a name out, in a copy, and is the last one's value.
func take(headers *[]Header, name string) (value []byte, found bool) {
	if !slices.ContainsFunc(*headers, func(h Header) bool { return h.Key == name }) {
		return nil, false
	}
	rest := make([]Header, 0, len(*headers))
	for _, h := range *headers {
		if h.Key == name {
			value = h.Value
		} else {
			rest = append(rest, h)
		}
	}
	*headers = rest
	return value, true
}

// JoinFrame is what a serde decodes of a record's value: with the frame that one of the headers may have, which is
// taken out.
func JoinFrame(serde any, headers *[]Header, b []byte) []byte {
	if f := framingOf(serde); f != nil {
		return f.join(headers, b)
	}
	return b
}

// SplitFrame is the value that a record has of what a serde appended: without the frame that goes to the headers.
func SplitFrame(serde any, headers *[]Header, b []byte) []byte {
	if f := framingOf(serde); f != nil {
		return f.split(headers, b)
	}
	return b
}
