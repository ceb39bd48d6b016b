package inspect

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/storage"
)

// axis is a time line of some width.
type axis struct {
	from, to int64 // milliseconds
	left     int
	width    int
}

// x is where a time is; what lies outside is at the nearest end.
func (a axis) x(at int64) float64 {
	at = min(max(at, a.from), a.to)
	return float64(a.left) + float64(a.width)*float64(at-a.from)/float64(max(1, a.to-a.from))
}

// label is a time as short as its axis allows.
func (a axis) label(at int64) string {
	t := time.UnixMilli(at).UTC()
	switch span := time.Duration(a.to-a.from) * time.Millisecond; {
	case span < time.Minute:
		return t.Format("15:04:05.000")
	case span < 24*time.Hour:
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

// steps are those between ticks that people can read, in milliseconds.
var steps = []int64{
	1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
	3_600_000, 3 * 3_600_000, 6 * 3_600_000, 12 * 3_600_000,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 365 * day,
}

const (
	day       = 86_400_000
	mostTicks = 6
)

// ticks are times at the axis, with their labels.
func (a axis) ticks(b *strings.Builder, top, bottom int) {
	step := max(1, (a.to-a.from)/mostTicks)
	for _, s := range steps {
		if s >= step {
			step = s
			break
		}
	}
	for at := (a.from + step - 1) / step * step; a.from <= at && at <= a.to; at += step { // it ends beyond int64, too
		anchor, x := "middle", a.x(at)
		if x > lineWidth-70 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, top, bottom)
		fmt.Fprintf(b, `<text class="soft" x="%.1f" y="%d" text-anchor="%s">%s</text>`+"\n", x, bottom+14, anchor,
			a.label(at))
	}
}

const (
	lineWidth = 900
	lineLeft  = 110
	rowStep   = 22
	mostBars  = 40
)

// rowBars shows windows or sessions of a store on a time line: what they hold, their grace behind it, and stream time.
// Where partitions differ, each row has the stream time of its own.
// It is empty for other kinds, and where nothing has an end.
func rowBars(r *StoreRows) template.HTML {
	if r == nil || r.Kind != storage.KindWindow && r.Kind != storage.KindSession {
		return ""
	}
	var rows []StoreRow
	a := axis{left: lineLeft, width: lineWidth - lineLeft - 20}
	for _, row := range r.Rows {
		if row.Start == nil || row.End == nil || len(rows) == mostBars {
			continue
		}
		if rows = append(rows, row); len(rows) == 1 {
			a.from, a.to = *row.Start, *row.End
		}
		a.from, a.to = min(a.from, *row.Start), max(a.to, *row.End)
		if row.Closes != nil {
			a.to = max(a.to, *row.Closes)
		}
	}
	if len(rows) == 0 {
		return ""
	}
	if r.StreamTime != nil && *r.StreamTime >= a.from {
		a.to = max(a.to, min(*r.StreamTime, a.to+(a.to-a.from)/2)) // one that is far ahead is at the end
	}
	bottom := 24 + len(rows)*rowStep
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="line" role="img" aria-label="%ss on a time line" viewBox="0 0 %d %d">`+"\n", r.Kind,
		lineWidth, bottom+22)
	a.ticks(&b, 20, bottom)
	apart := streamTimes(r) != ""
	for i, row := range rows {
		row.bar(&b, a, 24+i*rowStep)
		if at := row.StreamTime; apart && at != nil {
			fmt.Fprintf(&b, `<line class="now" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, a.x(*at), a.x(*at), 22+i*rowStep,
				22+(i+1)*rowStep)
		}
	}
	if r.StreamTime != nil && !apart {
		x := a.x(*r.StreamTime)
		fmt.Fprintf(&b, `<line class="now" x1="%.1f" x2="%.1f" y1="16" y2="%d"/>`, x, x, bottom)
		anchor := "middle"
		if x > lineWidth-120 {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<text class="now" x="%.1f" y="12" text-anchor="%s">stream time %s</text>`, x, anchor,
			a.label(*r.StreamTime))
	}
	b.WriteString("</svg>\n")
	return template.HTML(b.String()) //nolint:gosec // names in it are escaped
}

// bar is a window or session: open or closed, and its grace.
func (r StoreRow) bar(b *strings.Builder, a axis, y int) {
	class := "open"
	if r.Closed != nil && *r.Closed {
		class = "closed"
	}
	title := fmt.Sprintf("%s: %s to %s, %s, value %s", pageJSON(r.Key), pageMilliseconds(r.Start),
		pageMilliseconds(r.End), class, pageJSON(r.Value))
	x, end := a.x(*r.Start), a.x(*r.End)
	fmt.Fprintf(b, `<g><title>%s</title><text class="soft" x="0" y="%d">%s</text>`, escaped(title), y+12,
		escaped(cut(strings.Trim(pageJSON(r.Key), `"`), 15)))
	fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="15" rx="2"/>`, class, x, y, max(3, end-x))
	if r.Closes != nil {
		fmt.Fprintf(b, `<rect class="grace" x="%.1f" y="%d" width="%.1f" height="15"/>`, end, y, max(0, a.x(*r.Closes)-end))
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text></g>`+"\n", x+4, y+12, escaped(cut(pageJSON(r.Value), 12)))
}

// cut is a text of n letters at most.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}
