package task

import (
	"errors"
	"strconv"

	"github.com/millstream-go/millstream/internal/graph"
)

// What a dead letter may have, in bytes.
const (
	// mostLetter is what clients and brokers take in one record if they were not told otherwise, less some room for its
	// frame.
	mostLetter    = 1_000_000 - 1_000
	mostErrorText = 8 << 10  // of the text of the error
	mostStack     = 32 << 10 // of the stack of a panic
)

// deadLetter is the raw record for the dead-letter topic, with the headers of KIP-1034. They are cut to what there is
// room for; a record that has none, and one that is bare, has none of them: else it would be larger than it was where
// it comes from, and be refused for it.
func (t *Task) deadLetter(in *graph.Origin, raw *graph.Raw, failed *ProcessError, bare bool) graph.Output {
	out := graph.Output{
		Topic: t.config.DeadLetterTopic, Partition: graph.ByKey, Key: raw.Key, Value: raw.Value,
		Headers: raw.Headers[:len(raw.Headers):len(raw.Headers)], Timestamp: max(raw.Timestamp, 0),
	}
	if bare {
		return out
	}
	letter, n := out, len(out.Headers)
	letter.Headers = append(out.Headers,
		errorHeader("exception", []byte(typeName(failed.Err))),
		errorHeader("message", nil),
		errorHeader("stacktrace", nil),
		errorHeader("topic", []byte(in.Topic)),
		errorHeader("partition", strconv.AppendInt(nil, int64(in.Partition), 10)),
		errorHeader("offset", strconv.AppendInt(nil, raw.Offset, 10)),
	)
	room := mostLetter - sizeOf(&letter)
	if room < 0 && sizeOf(&out) <= mostLetter {
		return out
	}
	message, stack := &letter.Headers[n+1], &letter.Headers[n+2]
	message.Value = cut([]byte(failed.Error()), min(mostErrorText, room))
	stack.Value = cut(stackOf(failed.Err), min(mostStack, room-len(message.Value)))
	return letter
}

func errorHeader(name string, value []byte) graph.Header {
	return graph.Header{Key: "__streams.errors." + name, Value: value}
}

// sizeOf is what an output takes in a record, at most; ten bytes frame a header.
func sizeOf(out *graph.Output) int {
	size := len(out.Key) + len(out.Value)
	for _, h := range out.Headers {
		size += 10 + len(h.Key) + len(h.Value)
	}
	return size
}

// cut is the beginning of a text, of up to n bytes.
func cut(text []byte, n int) []byte { return text[:max(0, min(len(text), n))] }

// stackOf is the stack of a panic.
func stackOf(err error) []byte {
	var p *PanicError
	if errors.As(err, &p) {
		return p.Stack
	}
	return nil
}
