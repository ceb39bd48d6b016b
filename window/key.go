package window

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

const startSize = 8

// TimeKey is the serde of the keys of tumbling and hopping windows, in the bytes of Kafka's TimeWindowedSerializer: the
// key, then the start of the window as int64. The end is not in the bytes: it follows from the windows given here.
func TimeKey[K any](key serde.Serde[K], windows Time) serde.Serde[Windowed[K]] {
	return timeKey[K]{key: key, windows: windows}
}

type timeKey[K any] struct {
	key     serde.Serde[K]
	windows Time
}

func (s timeKey[K]) Format() string {
	return fmt.Sprintf("windowed(%s,%d)", serde.FormatOf(s.key), s.windows.Size())
}

// HashSuffix is the number of bytes at the end of a key that do not take part in partitioning: windows of one key share
// a partition (Kafka's WindowedStreamPartitioner).
func (s timeKey[K]) HashSuffix() int { return startSize }

func (s timeKey[K]) Append(dst []byte, v Windowed[K]) ([]byte, error) {
	dst, err := s.key.Append(dst, v.Key)
	return binary.BigEndian.AppendUint64(dst, uint64(v.Window.Start)), err
}

func (s timeKey[K]) Decode(src []byte) (v Windowed[K], err error) {
	n := len(src) - startSize
	if n < 0 {
		return v, fmt.Errorf("window: key needs %d bytes or more, got %d", startSize, len(src))
	}
	v.Window = s.windows.Window(int64(binary.BigEndian.Uint64(src[n:])))
	v.Key, err = s.key.Decode(src[:n])
	return v, err
}
