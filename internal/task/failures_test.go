package task

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
)

// TestFailuresAreBounded: the last ones are kept, with bytes of their own, and none of a record that is too large.
func TestFailuresAreBounded(t *testing.T) {
	var f Failures
	value := []byte("value")
	for i := range mostFailures + 5 {
		failed := &ProcessError{Offset: int64(i), Value: value, Err: errors.New("bad")}
		f.add(int64(i), failed, Skip, &graph.Raw{Value: value, Offset: int64(i)}, 4)
	}
	copy(value, "other")
	last := f.Last()
	require.Len(t, last, mostFailures)
	require.Equal(t, int64(5), last[0].At)
	require.Equal(t, "value", string(last[0].Record.Value))
	require.Nil(t, last[0].Failed.Value)
	require.Equal(t, int32(4), last[0].Partitions)

	f.add(0, &ProcessError{Err: errors.New("bad")}, Fail, &graph.Raw{Value: make([]byte, mostFailedBytes+1)}, 0)
	f.add(0, &ProcessError{Err: errors.New("bad")}, Fail, nil, 0)
	last = f.Last()
	require.Nil(t, last[mostFailures-1].Record)
	require.Nil(t, last[mostFailures-2].Record)
	require.Equal(t, Fail, last[mostFailures-1].Action)
	(*Failures)(nil).add(0, &ProcessError{}, Fail, nil, 0)
}

// recordError is an error that holds all of its record, and that its owner may change.
type recordError struct{ text []byte }

func (e *recordError) Error() string { return string(e.text) }

// TestTextsOfFailuresAreKept: not the error, which is the user's; and of a long text the first part.
func TestTextsOfFailuresAreKept(t *testing.T) {
	var f Failures
	bad := &recordError{[]byte(strings.Repeat("ü", mostFailedText))}
	f.add(0, &ProcessError{Err: bad}, Skip, nil, 0)
	copy(bad.text, "changed")
	var kept *recordError
	err := f.Last()[0].Failed.Err
	require.NotErrorAs(t, err, &kept)
	require.True(t, strings.HasPrefix(err.Error(), "ü"))
	require.True(t, utf8.ValidString(err.Error()))
	require.Less(t, len(err.Error()), mostFailedText+10)
}
