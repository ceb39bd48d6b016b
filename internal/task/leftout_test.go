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

	"github.com/millstream-go/millstream/topology"
)

// TestManyBadRecordsAreFewLines: one at once for each step and reason, then their number in each interval.
func TestManyBadRecordsAreFewLines(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	lines := func() int { return strings.Count(text.String(), "\n") }
	var l leftOut
	bad := &ProcessError{Topic: "in", Err: errors.New("no")}
	for i := range int64(20_000) {
		l.add(i/10, cause{"map-1", topology.DropProcess}, log, bad)
		l.add(i/10, cause{"source-0", topology.DropDeserialize}, log, bad)
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

	l.add(5*tellEvery, cause{"map-1", topology.DropProcess}, log, bad)
	l.add(5*tellEvery, cause{"map-1", topology.DropProcess}, log, bad)
	require.Equal(t, 5, lines())
	l.tell(5*tellEvery, true) // the end
	require.Equal(t, 6, lines())
}

// TestDeadLettersNameTheErrorNotItsWrapping.
func TestDeadLettersNameTheErrorNotItsWrapping(t *testing.T) {
	typed := &json.SyntaxError{}
	for want, err := range map[string]error{
		"*json.SyntaxError":        fmt.Errorf("%w: %w", topology.ErrDeserialize, fmt.Errorf("serde: json: %w", typed)),
		"*errors.errorString":      fmt.Errorf("a: %w", fmt.Errorf("b: %w", errors.New("c"))),
		"*task.PanicError":         fmt.Errorf("a: %w", &PanicError{Value: typed}),
		"*topology.ErrUnavailable": errors.Join(errors.New("first"), &topology.ErrUnavailable{Err: typed}),
	} {
		require.Equal(t, want, typeName(err))
	}
}

// TestTheLogHasTheStackOfAPanic, also of one that is left out.
func TestTheLogHasTheStackOfAPanic(t *testing.T) {
	var text bytes.Buffer
	var l leftOut
	err := Shielded(func() error { panic("boom") })
	l.add(0, cause{"map-1", topology.DropProcess}, slog.New(slog.NewTextHandler(&text, nil)), &ProcessError{Err: err})
	require.Contains(t, text.String(), "leftout_test.go:")
	l.add(tellEvery, cause{"map-1", topology.DropProcess}, slog.New(slog.NewTextHandler(&text, nil)),
		&ProcessError{Err: errors.New("no")})
	require.Equal(t, 1, strings.Count(text.String(), "stack="))
}
