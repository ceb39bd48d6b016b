package rows

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
)

// Segments lays rows out so that those of one key within a span of time are neighbours, and yet those of a span of time
// can be removed by one range deletion: segment of time, length of the key, key, time, and what tells rows of one time
// apart.
type Segments struct {
	interval int64
	scratch  []byte // for bounds; nil while a walk has it
}

const (
	timeSize   = 8
	lengthSize = 4
)

// Of is the number of the segment of a time.
func (s *Segments) Of(at int64) int64 { return at / s.interval }

// NewSegments makes segments as long as rows are kept, so that a look at one key over that time touches two of them.
func NewSegments(retention int64) Segments {
	return Segments{interval: max(retention, time.Minute.Milliseconds())}
}

// Append appends the order of a row, without the part behind its time.
func (s *Segments) Append(dst, key []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(s.appendKey(dst, key, at/s.interval), uint64(at))
}

func (s *Segments) appendKey(dst, key []byte, segment int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(segment))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(key)))
	return append(dst, key...)
}

// Bounds calls walk with the bounds of each segment's rows of one key from one time to another, both included, until it
// returns false or an error.
func (s *Segments) Bounds(
	prefix, key []byte, from, to int64, reverse bool, walk func(lower, upper []byte) (bool, error),
) error {
	n := len(prefix) + timeSize + lengthSize + len(key)
	both := slices.Grow(s.scratch[:0], 2*(n+timeSize)) // the key is likely to be scratch of the store, which walk uses
	s.scratch = nil
	defer func() { s.scratch = both }()
	lower := binary.BigEndian.AppendUint64(s.appendKey(append(both, prefix...), key, 0), 0)
	upper := append(lower[len(lower):], lower...)
	binary.BigEndian.PutUint64(upper[n:], uint64(to)+1)
	first, last := from/s.interval, to/s.interval
	for i := range last - first + 1 {
		segment := first + i
		if reverse {
			segment = last - i
		}
		binary.BigEndian.PutUint64(lower[len(prefix):], uint64(segment))
		binary.BigEndian.PutUint64(upper[len(prefix):], uint64(segment))
		binary.BigEndian.PutUint64(lower[n:], uint64(max(from, segment*s.interval)))
		if more, err := walk(lower, upper); !more || err != nil {
			return err
		}
	}
	return nil
}

// Parse splits what Append made, and what followed it, behind the prefix.
func (s *Segments) Parse(b []byte) (key []byte, at int64, rest []byte, ok bool) {
	if len(b) < timeSize+lengthSize+timeSize {
		return nil, 0, nil, false
	}
	n := int64(binary.BigEndian.Uint32(b[timeSize:]))
	b = b[timeSize+lengthSize:]
	if int64(len(b)) < n+timeSize {
		return nil, 0, nil, false
	}
	return b[:n], int64(binary.BigEndian.Uint64(b[n:])), b[n+timeSize:], true
}

// Expired are the bounds of the rows in segments that lie wholly before a time.
func (s *Segments) Expired(prefix []byte, oldest int64) (lower, upper []byte) {
	lower = binary.BigEndian.AppendUint64(bytes.Clone(prefix), 0)
	return lower, binary.BigEndian.AppendUint64(bytes.Clone(prefix), uint64(oldest/s.interval))
}
