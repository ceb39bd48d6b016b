package debezium

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// NewKey is the key that a row has got, of a Delete that is one half of a change of the key; else none.
func NewKey[K any](headers []streams.Header, keys serde.Serde[K]) (streams.Optional[K], error) {
	return keyIn("__debezium.newkey", headers, keys)
}

// OldKey is the key that a row has had, of a Create that is the other half; else none.
func OldKey[K any](headers []streams.Header, keys serde.Serde[K]) (streams.Optional[K], error) {
	return keyIn("__debezium.oldkey", headers, keys)
}

func keyIn[K any](name string, headers []streams.Header, keys serde.Serde[K]) (streams.Optional[K], error) {
	for _, h := range headers {
		if h.Key == name && h.Value != nil {
			key, err := keys.Decode(h.Value)
			if err != nil {
				return streams.None[K](), fmt.Errorf("debezium: header %s: %w", name, err)
			}
			return streams.Some(key), nil
		}
	}
	return streams.None[K](), nil
}
