package inspect

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// windows are those that a store keeps, as its step declares them.
type windows struct {
	text  string // see windows.Defined; empty: nobody declared any
	grace time.Duration
}

// windowsOf are the windows that a store keeps.
func windowsOf(topo *graph.Topology, store string) (w windows) {
	for _, sub := range topo.Subs() {
		for _, n := range sub.Nodes {
			uses := slices.ContainsFunc(n.Stores, func(s storage.Spec) bool { return s.Name() == store })
			if uses && n.Windows != "" && w.text == "" {
				w = windows{n.Windows, n.Grace}
			}
		}
	}
	return w
}

var definition = regexp.MustCompile(`^(\w+)\((?:gap |before )?([^,)]*)`)

// parts are the kind of the windows and their size, gap or place.
func (w windows) parts() (kind, first string) {
	if m := definition.FindStringSubmatch(w.text); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

// size is the length of windows that all have the same, or the gap of sessions, 0 if it is not known.
func (w windows) size() time.Duration {
	_, first := w.parts()
	d, err := time.ParseDuration(first)
	if err != nil {
		return 0
	}
	return d
}

// end is the end of the window that starts at a time, both in milliseconds. The end of a sliding window is within it.
func (w windows) end(start int64) (end int64, ok bool) {
	kind, first := w.parts()
	switch kind {
	case "tumbling", "hopping", "sliding":
		return start + w.size().Milliseconds(), w.size() > 0
	case "days", "weeks", "months":
		return calendarEnd(kind, first, start)
	}
	return 0, false
}

func calendarEnd(kind, place string, start int64) (end int64, ok bool) {
	loc, err := time.LoadLocation(place)
	if err != nil {
		return 0, false
	}
	at := time.UnixMilli(start).In(loc)
	switch kind {
	case "days":
		at = at.AddDate(0, 0, 1)
	case "weeks":
		at = at.AddDate(0, 0, 7)
	default:
		at = at.AddDate(0, 1, 0)
	}
	return at.UnixMilli(), true
}

// closes is the stream time at which a window or session with an end closes, in milliseconds.
func (w windows) closes(end int64) int64 {
	switch kind, _ := w.parts(); kind {
	case "sliding":
		return end + w.grace.Milliseconds() + 1
	case "session":
		return end + w.size().Milliseconds() + w.grace.Milliseconds() + 1
	}
	return end + w.grace.Milliseconds()
}

// next is the end of the window that closes next when stream time is at a point, and the stream time at which it
// does; ok is false where that is not known from the definition alone.
func (w windows) next(streamTime int64) (end, closes int64, ok bool) {
	step := w.size().Milliseconds()
	switch kind, _ := w.parts(); kind {
	case "tumbling":
	case "hopping":
		_, text, _ := strings.Cut(w.text, "advance ")
		advance, err := time.ParseDuration(strings.TrimSuffix(text, ")"))
		if err != nil {
			return 0, 0, false
		}
		size, step := step, advance.Milliseconds()
		if step <= 0 {
			return 0, 0, false
		}
		// Ends are at multiples of the advance, behind the size.
		end := (streamTime-w.grace.Milliseconds()-size)/step*step + size
		for w.closes(end) <= streamTime {
			end += step
		}
		return end, w.closes(end), true
	default:
		return 0, 0, false
	}
	if step <= 0 {
		return 0, 0, false
	}
	end = ((streamTime-w.grace.Milliseconds())/step + 1) * step
	return end, w.closes(end), true
}
