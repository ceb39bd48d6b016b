package broker

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// message is a record as bytes. The functions with types pass it to those without: those know of clients, see there.
type message struct {
	key, value []byte // nil is null
	headers    []streams.Header
	timestamp  int64 // milliseconds

	hashSuffix int // of the key, see graph.Output
	// Of one that was read:
	topic     string
	partition int32
	offset    int64
}

func encode[K, V any](topic streams.Topic[K, V], r *streams.Record[K, V]) (m message, err error) {
	m = message{headers: r.Headers, timestamp: r.Timestamp}
	if w, windowed := topic.Key().(interface{ HashSuffix() int }); windowed {
		m.hashSuffix = w.HashSuffix()
	}
	if !r.NullKey {
		if m.key, err = topic.Key().Append([]byte{}, r.Key); err != nil {
			return m, fmt.Errorf("key: %w", err)
		}
	}
	if !r.NullValue {
		if m.value, err = topic.Value().Append([]byte{}, r.Value); err != nil {
			return m, fmt.Errorf("value: %w", err)
		}
		m.value = graph.SplitFrame(topic.Value(), &m.headers, m.value)
	}
	return m, nil
}

func decode[K, V any](topic streams.Topic[K, V], m *message) (out streams.Record[K, V], err error) {
	out = streams.Record[K, V]{
		NullKey: m.key == nil, NullValue: m.value == nil, Timestamp: m.timestamp, Headers: m.headers,
	}
	if !out.NullKey {
		out.Key, err = topic.Key().Decode(m.key)
	}
	if !out.NullValue && err == nil {
		out.Value, err = topic.Value().Decode(graph.JoinFrame(topic.Value(), &out.Headers, m.value))
	}
	return out, m.failed(err)
}

// failed says where an error happened, if there is one.
//
//go:noinline
func (m *message) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("broker: topic %s/%d offset %d: %w", m.topic, m.partition, m.offset, err)
}
