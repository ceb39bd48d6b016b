package inspect

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
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

// pageDuration is a duration as people say it.
func pageDuration(d time.Duration) string {
	if d > 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.Round(time.Second).String()
}

// mostText is how much of a text is shown, such as that of an error: the rest is in the snapshot.
const mostText = 400

// pageClosed is open or closed, empty where that is not known.
func pageClosed(r StoreRow) string {
	switch {
	case r.Closed == nil:
		return ""
	case *r.Closed:
		return "closed"
	}
	return "open"
}

func pageJSON(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // that is done where it is shown
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
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

// streamTimes are the stream times of rows by partition, empty where there is one for all.
func streamTimes(r *StoreRows) string {
	if r == nil {
		return ""
	}
	times := map[int32]int64{}
	for _, row := range r.Rows {
		if row.Partition != nil && row.StreamTime != nil {
			times[*row.Partition] = *row.StreamTime
		}
	}
	if len(times) < 2 {
		return ""
	}
	var texts []string
	for _, partition := range slices.Sorted(maps.Keys(times)) {
		at := times[partition]
		texts = append(texts, fmt.Sprintf("partition %d at %s", partition, pageMilliseconds(&at)))
	}
	return strings.Join(texts, ", ")
}
