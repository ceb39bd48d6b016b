package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
)

// TestManyBadRecordsAreFewLines: one at once for each step and reason, then their number in each interval.
func TestManyBadRecordsAreFewLines(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	lines := func() int { return strings.Count(text.String(), "\n") }
	var l leftOut
	bad := &ProcessError{Topic: "in", Err: errors.New("no")}
	for i := range int64(20_000) {
		l.add(i/10, cause{"map-1", graph.DropProcess}, log, bad)
		l.add(i/10, cause{"source-0", graph.DropDeserialize}, log, bad)
		l.tell(i/10, false)
	}
	require.Equal(t, 2, lines())
	require.Contains(t, text.String(), "node=map-1")
	l.tell(tellEvery-1, false)
	require.Equal(t, 2, lines())
	l.tell(tellEvery, false)
	require.Equal(t, 4, lines())
	require.Equal(t, 2, strings.Count(text.String(), "records=19999 "))
	l.tell(5*tellEvery, true)
	require.Equal(t, 4, lines(), "nothing is told twice")

	l.add(5*tellEvery, cause{"map-1", graph.DropProcess}, log, bad)
	l.add(5*tellEvery, cause{"map-1", graph.DropProcess}, log, bad)
	require.Equal(t, 5, lines())
	l.tell(5*tellEvery, true) // the end
	require.Equal(t, 6, lines())
}

// TestDeadLettersNameTheErrorNotItsWrapping.
func TestDeadLettersNameTheErrorNotItsWrapping(t *testing.T) {
	typed := &json.SyntaxError{}
	for want, err := range map[string]error{
		"*json.SyntaxError":       fmt.Errorf("%w: %w", graph.ErrDeserialize, fmt.Errorf("serde: json: %w", typed)),
		"*errors.errorString":     fmt.Errorf("a: %w", fmt.Errorf("b: %w", errors.New("c"))),
		"*task.PanicError":        fmt.Errorf("a: %w", &PanicError{Value: typed}),
		"*streams.TimestampError": errors.Join(errors.New("first"), &graph.TimestampError{}),
	} {
		require.Equal(t, want, typeName(err))
	}
}

// TestTheLogHasTheStackOfAPanic, also of one that is left out.
func TestTheLogHasTheStackOfAPanic(t *testing.T) {
	var text bytes.Buffer
	var l leftOut
	err := Shielded(func() error { panic("boom") })
	l.add(0, cause{"map-1", graph.DropProcess}, slog.New(slog.NewTextHandler(&text, nil)), &ProcessError{Err: err})
	require.Contains(t, text.String(), "leftout_test.go:")
	l.add(tellEvery, cause{"map-1", graph.DropProcess}, slog.New(slog.NewTextHandler(&text, nil)),
		&ProcessError{Err: errors.New("no")})
	require.Equal(t, 1, strings.Count(text.String(), "stack="))
}

// TestDeadLettersFit where the record came from: what they tell of the error is cut, or left out.
func TestDeadLettersFit(t *testing.T) {
	failed := &ProcessError{Err: &PanicError{Value: strings.Repeat("text ", 100_000), Stack: make([]byte, 1<<20)}}
	task := &Task{config: &Config{DeadLetterTopic: "dead"}}
	letter := func(size int, bare bool) graph.Output {
		raw := &graph.Raw{Key: []byte("key"), Value: make([]byte, size), Headers: []graph.Header{{Key: "own"}}}
		return task.deadLetter(&graph.Origin{Topic: "in", Partition: 3}, raw, failed, bare)
	}
	value := func(o graph.Output, name string) (value []byte) {
		for _, h := range o.Headers {
			if h.Key == "__streams.errors."+name {
				value = h.Value
			}
		}
		return value
	}
	for size, want := range map[int][2]int{ // of message and stack
		0:              {mostErrorText, mostStack},
		mostLetter:     {0, 0},
		990_000:        {mostErrorText, 300},
		998_000:        {600, 0},
		2 * mostLetter: {0, 0}, // brokers take more than by default, nobody knows how much
	} {
		o := letter(size, false)
		require.InDelta(t, want[0], len(value(o, "message")), 200, size)
		require.InDelta(t, want[1], len(value(o, "stacktrace")), 500, size)
		require.Equal(t, "own", o.Headers[0].Key)
		if size < mostLetter {
			require.LessOrEqual(t, sizeOf(&o), mostLetter)
			require.Equal(t, "in", string(value(o, "topic")))
			require.Equal(t, "3", string(value(o, "partition")))
			require.Equal(t, "*task.PanicError", string(value(o, "exception")))
		}
	}
	require.Len(t, letter(mostLetter-20, false).Headers, 1, "no room")
	require.Len(t, letter(2*mostLetter, false).Headers, 7)
	require.Len(t, letter(2*mostLetter, true).Headers, 1, "it was refused")
}
