package streams

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
)

// TestASlowListenerLosesNoSums: nobody waits for a function that does not return, what waits for it is bounded, and in
// the end the sums and the last state are right.
func TestASlowListenerLosesNoSums(t *testing.T) {
	var log bytes.Buffer
	begun, goOn := make(chan struct{}), make(chan struct{})
	var sum Commit
	var states []State
	late, dropped, assigned := map[string]Drops{}, int64(0), 0
	l := newListening(Events{
		StateChanged: func(_, is State) {
			if states = append(states, is); is == Starting {
				close(begun)
				<-goOn
			}
		},
		Assigned:  func(Tasks) { assigned++ },
		Committed: func(c Commit) { sum = sum.plus(c) },
		Dropped:   func(d Drops) { dropped += d.Records },
		Late: func(d Drops) {
			was := late[d.Step]
			d.Records += was.Records
			d.MaxLateness = max(d.MaxLateness, was.MaxLateness)
			late[d.Step] = d
		},
	}, slog.New(slog.NewTextHandler(&log, nil)))
	l.begin()
	l.add(stateChange{Created, Starting})
	<-begun
	l.add(stateChange{Starting, Joining})
	for i := range 10_000 {
		l.add(committed{Commit{Worker: i % 3, Commits: 1, Records: 2, Encode: time.Second}})
		l.add(drops{Drops{Step: "sums", Reason: graph.DropLate, Records: 1, MaxLateness: time.Duration(i)}})
		l.add(drops{Drops{Step: "sums", Reason: graph.DropNullKey, Records: 3}})
	}
	l.add(eventOfTasks("0_0"))
	l.add(stateChange{Joining, Running})
	require.Len(t, l.mu.waiting, mostWaiting)
	close(goOn)
	l.end(time.Hour)
	require.Equal(t, Commit{Commits: 10_000, Records: 20_000, Encode: 10_000 * time.Second}, sum)
	require.Equal(t, map[string]Drops{"sums": {"sums", graph.DropLate, 10_000, 9_999, nil}}, late)
	require.Equal(t, int64(30_000), dropped)
	require.Equal(t, []State{Starting, Running}, states)
	require.Zero(t, assigned)
	require.Contains(t, log.String(), "too slow\" events=1\n")
}

// TestTheFirstOfItsKindFindsRoom: where all that waits is of another kind, sums and the last state are right, too.
func TestTheFirstOfItsKindFindsRoom(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var states []State
	records := int64(0)
	l := newListening(Events{
		StateChanged: func(_, is State) { states = append(states, is) },
		Committed: func(c Commit) {
			if records += c.Records; records == 1 {
				close(begun)
				<-goOn
			}
		},
	}, slog.New(slog.DiscardHandler))
	l.begin()
	l.add(committed{Commit{Records: 1}})
	<-begun
	for range 2 * mostWaiting {
		l.add(committed{Commit{Records: 1}})
	}
	for range 100 {
		l.add(committed{Commit{Worker: 1, Records: 1}})
	}
	l.add(stateChange{Running, Stopping})
	l.add(stateChange{Stopping, Stopped})
	require.Len(t, l.mu.waiting, mostWaiting+2)
	close(goOn)
	l.end(time.Hour)
	require.Equal(t, int64(1+2*mostWaiting+100), records)
	require.Equal(t, []State{Stopped}, states)
}

func eventOfTasks(names ...string) event { return assigned{Tasks: Tasks{Tasks: names}} }

// TestAStopWaitsForListenersWithinBounds: a function that never returns does not keep Run from returning, and nothing
// is told after that.
func TestAStopWaitsForListenersWithinBounds(t *testing.T) {
	var log bytes.Buffer
	block, told := make(chan struct{}), 0
	l := newListening(Events{SessionEnded: func(SessionEnd) { told++; <-block }}, slog.New(slog.NewTextHandler(&log, nil)))
	l.begin()
	l.add(sessionEnded{SessionEnd: SessionEnd{Err: errors.New("gone")}})
	l.end(time.Millisecond)
	l.add(sessionEnded{})
	close(block)
	<-l.ended
	require.Equal(t, 1, told)
	require.Contains(t, log.String(), "does not return")
}
