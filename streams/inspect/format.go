package inspect

import (
	"encoding/json"
	"fmt"
	"html/template"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// How values look on the page.

func pageTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clockTime(t)
}

func pageMilliseconds(ms *int64) string {
	if ms == nil {
		return ""
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02 15:04:05.000")
}

func pageJSON(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func pageBytes(n int64) string {
	switch {
	case n < 0:
		return "?"
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1_000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// pagePhases is a bar with the phases of a commit, as long as it took beside a second at most.
func pagePhases(c streams.Commit) template.HTML {
	took := max(c.Took(), time.Microsecond)
	bar := fmt.Sprintf(`<div class="bar" style="width:%.1fpx" `+
		`title="encode %v, flush %v, offsets %v, transaction %v, local %v">`,
		min(300, 2*float64(took)/float64(time.Millisecond)), c.Encode, c.Flush, c.Offsets, c.Transaction, c.Local)
	for i, d := range []time.Duration{c.Encode, c.Flush, c.Offsets, c.Transaction, c.Local} {
		bar += fmt.Sprintf(`<i class="c%d" style="width:%.1f%%"></i>`, i+1, 100*float64(d)/float64(took))
	}
	return template.HTML(bar + "</div>") //nolint:gosec // it has numbers only
}

// pageEnd is when a restore is expected to end.
func pageEnd(r streams.Restore) string {
	if r.Rate() <= 0 {
		return ""
	}
	return "in " + time.Duration(float64(r.Remaining())/r.Rate()*float64(time.Second)).Round(time.Second).String()
}
