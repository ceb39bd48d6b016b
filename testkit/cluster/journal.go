package cluster

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// journal keeps the last lines that the instances logged, how often each message came, when a wait was last named, and
// which lives wait for what they have named.
type journal struct {
	mu      sync.Mutex
	lines   []string
	counts  map[string]int
	named   time.Time
	waiting map[string]bool
}

const journalLines = 80

func newJournal() *journal { return &journal{counts: map[string]int{}, waiting: map[string]bool{}} }

// of is a handler for one life of an instance.
func (j *journal) of(name string) slog.Handler {
	text := slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo})
	return entries{text.WithAttrs([]slog.Attr{slog.String("life", name)}), name, j}
}

// entries counts messages on their way to the lines.
type entries struct {
	slog.Handler
	life    string
	journal *journal
}

func (e entries) Handle(ctx context.Context, r slog.Record) error {
	e.journal.note(e.life, r.Message)
	return e.Handler.Handle(ctx, r)
}

func (e entries) WithAttrs(attrs []slog.Attr) slog.Handler {
	return entries{e.Handler.WithAttrs(attrs), e.life, e.journal}
}

func (e entries) WithGroup(name string) slog.Handler {
	return entries{e.Handler.WithGroup(name), e.life, e.journal}
}

// naming are the messages that say what an instance waits for.
var naming = map[string]bool{
	"waiting": true, "a task has to wait, the others go on": true,
	"no commit, although there is something to commit": true,
}

// over are those that say that a wait which was named is over: a long one is named again after ever longer pauses.
var over = map[string]bool{"the wait is over": true, "commits go on": true}

func (j *journal) note(life, message string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts[message]++
	if naming[message] {
		j.named = time.Now()
		j.waiting[life] = true
	}
	if over[message] {
		j.waiting[life] = false
	}
}

// waits is true if a life has named a wait that is not over.
func (j *journal) waits(life string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.waiting[life]
}

// said is how often a message came.
func (j *journal) said(message string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts[message]
}

// namedAt is when an instance last said what it waits for.
func (j *journal) namedAt() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.named
}

// Write takes one line.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(bytes.TrimRight(line, "\n")))
	if len(j.lines) > journalLines {
		j.lines = j.lines[1:]
	}
	return len(line), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// tell adds a line of the simulation's.
func (j *journal) tell(line string) { _, _ = j.Write([]byte("simulation: " + line)) } // it takes all
