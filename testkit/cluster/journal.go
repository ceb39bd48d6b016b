package cluster

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// journal keeps the last lines that the instances logged.
type journal struct {
	mu    sync.Mutex
	lines []string
}

const journalLines = 80

func newJournal() *journal { return &journal{} }

// of is a handler for one life of an instance.
func (j *journal) of(name string) slog.Handler {
	return slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo}).WithAttrs(
		[]slog.Attr{slog.String("life", name)})
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
