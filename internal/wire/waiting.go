package wire

import (
	"bytes"
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// Waiting is a record that waits for the answer of a slow call.
type Waiting struct {
	Context    RecordContext // where the record was read, with the time and the headers that the step got it with
	Key, Value []byte        // as the step got them, encoded; nil is null
}

// WaitingSerde writes the context as in a suppress's buffer, then key and value, each behind its length (int32, -1:
// null). Key and value name the formats of what it holds.
func WaitingSerde(key, value any) serde.Serde[Waiting] {
	return waitingSerde{fmt.Sprintf("waiting(%s,%s)", serde.FormatOf(key), serde.FormatOf(value))}
}

type waitingSerde struct{ format string }

func (s waitingSerde) Format() string { return s.format }

func (waitingSerde) Append(dst []byte, v Waiting) ([]byte, error) {
	return appendNullable(appendNullable(v.Context.append(dst), v.Key), v.Value), nil
}

func (waitingSerde) Decode(src []byte) (Waiting, error) {
	r := reader{src: bytes.Clone(src)}
	v := Waiting{Context: r.context(), Key: r.nullable(), Value: r.nullable()}
	if err := r.end("waiting record"); err != nil {
		return Waiting{}, err
	}
	return v, nil
}
