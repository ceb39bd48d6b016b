package streams

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// warnings passes on what is a warning or worse: the Kafka clients tell each step of theirs at the level of
// information. While something lasts they warn of it again and again: a message about an address comes once in
// sayAgain, and tells how many were left out. All clients of an App share that.
type warnings struct {
	slog.Handler
	said *said
}

// sayAgain is the time between two lines with the same message about the same address.
const sayAgain = 30 * time.Second

// said is when messages were passed on.
type said struct {
	mu   sync.Mutex
	last map[string]*lastSaid
}

type lastSaid struct {
	at      time.Time
	leftOut int
}

func newWarnings(h slog.Handler) warnings { return warnings{h, &said{last: map[string]*lastSaid{}}} }

func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h warnings) Handle(ctx context.Context, r slog.Record) error {
	leftOut, due := h.said.due(r)
	if !due {
		return nil
	}
	if leftOut > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", leftOut))
	}
	return h.Handler.Handle(ctx, r)
}

// due tells whether it is time for a message, and how many of the kind were left out since the last one.
func (s *said) due(r slog.Record) (leftOut int, due bool) {
	about := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "addr" {
			about += " " + a.Value.String()
		}
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last[about]
	switch {
	case last == nil:
		last = &lastSaid{}
		s.last[about] = last
	case r.Time.Sub(last.at) < sayAgain:
		last.leftOut++
		return 0, false
	}
	leftOut = last.leftOut
	last.at, last.leftOut = r.Time, 0
	return leftOut, true
}

func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs), h.said}
}

func (h warnings) WithGroup(name string) slog.Handler {
	return warnings{h.Handler.WithGroup(name), h.said}
}
