package worker

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// TestAWaitIsToldWithItsCause when it has lasted, ever more rarely, until it is over.
func TestAWaitIsToldWithItsCause(t *testing.T) {
	var log bytes.Buffer
	w := newWaits(slog.New(slog.NewTextHandler(&log, nil)))
	began := time.Now()
	w.because("task 0_1", "first")
	w.because("task 0_1", "second")
	w.because("another", "short")
	w.end("another")
	var told []int
	for at := range 100 {
		before := log.Len()
		if w.tell(context.Background(), began.Add(time.Duration(at)*time.Second)); log.Len() > before {
			told = append(told, at)
		}
	}
	require.Equal(t, []int{11, 21, 41, 81}, told)
	require.Contains(t, log.String(), `for="task 0_1"`)
	require.Contains(t, log.String(), "cause=second")
	require.NotContains(t, log.String(), "another")
	w.end("task 0_1")
	require.Contains(t, log.String(), "the wait is over")
	w.endAll()
}

// TestABriefWait is told as others are, and costs nothing.
func TestABriefWait(t *testing.T) {
	var log bytes.Buffer
	w := newWaits(slog.New(slog.NewTextHandler(&log, nil)))
	b := w.newBrief("a step", func(context.Context) string { return "it is long" })
	require.Zero(t, testing.AllocsPerRun(100, func() { b.begin(); b.end() }))
	w.tell(context.Background(), time.Now().Add(time.Hour))
	require.Empty(t, log.String(), "it is over")
	for range 2 {
		log.Reset()
		b.begin()
		began := time.Now()
		var told []int
		for at := range 50 {
			before := log.Len()
			if w.tell(context.Background(), began.Add(time.Duration(at)*time.Second)); log.Len() > before {
				told = append(told, at)
			}
		}
		require.Equal(t, []int{10, 20, 40}, told)
		require.Contains(t, log.String(), `cause="it is long"`)
		require.NotContains(t, log.String(), "the wait is over")
		b.end()
		b.end()
		require.Equal(t, 1, strings.Count(log.String(), "the wait is over"))
	}
}

// TestWaitsEndWithWhatIsWaitedFor, also where that was given up, or went to another worker.
func TestWaitsEndWithWhatIsWaitedFor(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	w := New(Config{Logger: slog.New(slog.DiscardHandler), Report: func(Event) {}, TopicRefresh: time.Hour})
	s := &session{worker: w, config: w.config}
	for name, end := range map[string]func(){
		"an input without a leader that is revoked": func() {
			s.assigned = cluster.Offsets{"in": {0: {}}}
			s.noteLeaderless(cluster.Partitions{"in": {0}})
			require.NotEmpty(t, w.waits.mu.open)
			s.assigned.Remove(map[string][]int32{"in": {0}})
			s.noteLeaderless(cluster.Partitions{"in": {0}})
		},
		"a restore that is stopped": func() {
			p := &replay{changelog: &task.Changelog{Topic: "log"}, of: &restoring{}, waits: true}
			r := &restore{session: s, logs: map[string]map[int32]*replay{"log": {0: p}}}
			w.waits.because(p.wait(), "none come")
			require.NoError(t, r.run(over))
		},
		"global tables that are given up": func() {
			client, err := kgo.NewClient()
			require.NoError(t, err)
			defer client.Close()
			g := &globals{session: s, client: client, ends: map[string]map[int32]int64{"all": {0: 1}}}
			w.waits.because(waitFor("all", 0), "none come")
			require.ErrorIs(t, g.catchUp(over), context.Canceled)
		},
		"a pattern without a topic": func() {
			w.waits.because(forGroup, "it has none")
			require.NoError(t, w.awaitTopics(over))
		},
	} {
		end()
		require.Empty(t, w.waits.mu.open, name)
	}
}
