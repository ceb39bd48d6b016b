package window

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/serde"
)

const timeSize = 8

// TimeKey is the serde of the keys of windows that a start identifies, in the bytes of Kafka's TimeWindowedSerializer:
// the key, then the start of the window as int64. The end is not in the bytes: it follows from the windows given here,
// and a window of another length is an error. One that has a start alone stands for that of the start.
func TimeKey[K any](key serde.Serde[K], w Windows) serde.Serde[Windowed[K]] {
	return timeKey[K]{key: key, windows: w.open()}
}

type timeKey[K any] struct {
	key     serde.Serde[K]
	windows windows.Windows
}

func (s timeKey[K]) Format() string {
	if w, ok := s.windows.(windows.Time); ok {
		return fmt.Sprintf("windowed(%s,%d)", serde.FormatOf(s.key), w.Size())
	}
	return fmt.Sprintf("windowed(%s,%v)", serde.FormatOf(s.key), s.windows)
}

// Parts is the serde of the key, see serde.ShapesOf.
func (s timeKey[K]) Parts() []any { return []any{s.key} }

// Err is what is wrong with the serde of the key, or the windows.
func (s timeKey[K]) Err() error {
	if s.windows == nil {
		return errors.New("window: TimeKey needs windows")
	}
	return errors.Join(serde.ErrOf(s.key), s.windows.Err())
}

// HashSuffix is the number of bytes at the end of a key that do not take part in partitioning: windows of one key share
// a partition (Kafka's WindowedStreamPartitioner).
func (s timeKey[K]) HashSuffix() int { return timeSize }

func (s timeKey[K]) Append(dst []byte, v Windowed[K]) ([]byte, error) {
	if w := s.windows.Window(v.Window.Start); w != v.Window && v.Window.End != 0 { // 0: the start alone is known
		return dst, fmt.Errorf("window: %v is none of the key's windows, who reads it would take it for %v: give TimeKey "+
			"the windows of the step that makes it", v.Window, w)
	}
	dst, err := s.key.Append(dst, v.Key)
	return binary.BigEndian.AppendUint64(dst, uint64(v.Window.Start)), err
}

func (s timeKey[K]) Decode(src []byte) (v Windowed[K], err error) {
	n := len(src) - timeSize
	if n < 0 {
		return v, fmt.Errorf("window: key needs %d bytes or more, got %d", timeSize, len(src))
	}
	v.Window = s.windows.Window(int64(binary.BigEndian.Uint64(src[n:])))
	v.Key, err = s.key.Decode(src[:n])
	return v, err
}

// SessionKey is the serde of the keys of sessions, in the bytes of Kafka's SessionWindowedSerializer: the key, then the
// end of the session, then its start, each as int64.
func SessionKey[K any](key serde.Serde[K]) serde.Serde[Windowed[K]] { return sessionKey[K]{key: key} }

type sessionKey[K any] struct {
	key serde.Serde[K]
}

func (s sessionKey[K]) Format() string { return fmt.Sprintf("session(%s)", serde.FormatOf(s.key)) }

// Parts is the serde of the key, see serde.ShapesOf.
func (s sessionKey[K]) Parts() []any { return []any{s.key} }

// Err is what is wrong with the serde of the key.
func (s sessionKey[K]) Err() error { return serde.ErrOf(s.key) }

// HashSuffix leaves the bounds out of partitioning.
func (s sessionKey[K]) HashSuffix() int { return 2 * timeSize }

func (s sessionKey[K]) Append(dst []byte, v Windowed[K]) ([]byte, error) {
	dst, err := s.key.Append(dst, v.Key)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Window.End))
	return binary.BigEndian.AppendUint64(dst, uint64(v.Window.Start)), err
}

func (s sessionKey[K]) Decode(src []byte) (v Windowed[K], err error) {
	n := len(src) - 2*timeSize
	if n < 0 {
		return v, fmt.Errorf("window: session key needs %d bytes or more, got %d", 2*timeSize, len(src))
	}
	v.Window = Window{
		Start: int64(binary.BigEndian.Uint64(src[n+timeSize:])), End: int64(binary.BigEndian.Uint64(src[n:])),
		EndIncluded: true,
	}
	v.Key, err = s.key.Decode(src[:n])
	return v, err
}
