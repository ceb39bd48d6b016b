package inspect

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/streams"
)

// timeLine shows what has happened: a bar for each state, a mark for each event of a worker, and one for each failure.
func timeLine(s streams.Snapshot) template.HTML {
	if len(s.History) == 0 {
		return ""
	}
	a := axis{from: s.History[0].At.UnixMilli(), to: s.At.UnixMilli(), left: lineLeft, width: lineWidth - lineLeft - 20}
	a.to = max(a.to, a.from+1000)
	lanes := []lane{
		{"state", nil}, {"tasks", []streams.HappeningKind{streams.HappenedAssigned, streams.HappenedRevoked}},
		{"restores", []streams.HappeningKind{streams.HappenedRestore}},
		{"sessions", []streams.HappeningKind{streams.HappenedSession}}, {"failures", nil},
	}
	bottom := 6 + len(lanes)*rowStep
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="line" role="img" aria-label="events on a time line" viewBox="0 0 %d %d">`+"\n",
		lineWidth, bottom+22)
	a.ticks(&b, 4, bottom)
	for i, l := range lanes {
		y := 6 + i*rowStep
		fmt.Fprintf(&b, `<text class="soft" x="0" y="%d">%s</text>`+"\n", y+12, l.name)
		switch l.name {
		case "state":
			states(&b, a, s, y)
		case "failures":
			for _, f := range s.Failures {
				point(&b, a.x(f.At.UnixMilli()), y, "bad", clockTime(f.At)+": "+f.Step+": "+f.Error)
			}
		default:
			for _, h := range s.History {
				if slices.Contains(l.kinds, h.Kind) {
					title := fmt.Sprintf("%s, worker %d: %s", clockTime(h.At), h.Worker, h.Text)
					point(&b, a.x(h.At.UnixMilli()), y, string(h.Kind), title)
				}
			}
		}
	}
	b.WriteString("</svg>\n")
	return template.HTML(b.String()) //nolint:gosec // names in it are escaped
}

type lane struct {
	name  string
	kinds []streams.HappeningKind
}

// states draws a bar from each change of the state to the next one. What was before the first change that is kept is
// not known.
func states(b *strings.Builder, a axis, s streams.Snapshot, y int) {
	var changes []streams.Happening
	for _, h := range s.History {
		if h.Kind == streams.HappenedState {
			changes = append(changes, h)
		}
	}
	for i, h := range changes {
		end := s.At
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		state, _, _ := strings.Cut(h.Text, ",")
		x, to := a.x(h.At.UnixMilli()), a.x(end.UnixMilli())
		fmt.Fprintf(b, `<g><title>%s: %s</title><rect class="s-%s" x="%.1f" y="%d" width="%.1f" height="15" rx="2"/>`,
			escaped(clockTime(h.At)), escaped(h.Text), escaped(state), x, y, max(1.5, to-x))
		if to-x > 60 {
			fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`, x+4, y+12, escaped(state))
		}
		b.WriteString("</g>\n")
	}
}

func point(b *strings.Builder, x float64, y int, class, title string) {
	fmt.Fprintf(b, `<g><title>%s</title><rect class="p-%s" x="%.1f" y="%d" width="5" height="15" rx="2"/></g>`+"\n",
		escaped(cut(title, 150)), class, x-2.5, y)
}

// mostShownHappenings is how many events the page lists.
const mostShownHappenings = 15

// happenings are the last events, the newest one first.
func happenings(s streams.Snapshot) []streams.Happening {
	last := slices.Clone(s.History[max(0, len(s.History)-mostShownHappenings):])
	slices.Reverse(last)
	return last
}
