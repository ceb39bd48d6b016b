package streams_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func TestSlidingWindowsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, grace := rapid.Int64Range(1, 15).Draw(t, "difference"), rapid.Int64Range(0, 12).Draw(t, "grace")
		windows := window.Sliding(ms(d)).Grace(ms(grace))
		store := texts.Retain(ms(rapid.Int64Range(1, 200).Draw(t, "retention"))) // longer than needed, perhaps
		b := streams.NewBuilder("app")
		table := streams.From(b, in).GroupByKey().WindowedBy(windows).Reduce(store, concat)
		streams.ResultsBy(table.Updates(), windowText).To(out)
		streams.ResultsBy(table.Final(), finalText).To(out)
		w := &slidingTwin{
			ledger: ledger{}, windows: windows, d: d, grace: grace,
			records: map[string][]record{}, open: map[openWindow]record{},
		}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// finalText tells finals from updates in one topic.
func finalText(w window.Windowed[string]) string { return "final " + windowText(w) }

// slidingTwin keeps every record and finds the windows that exist by trying them all.
type slidingTwin struct {
	ledger
	windows  window.Windows
	d, grace int64
	time     int64
	records  map[string][]record
	open     map[openWindow]record // results that are not final
}

func (w *slidingTwin) take(r record) (emitted []record) {
	if !r.NullKey {
		w.time = max(w.time, r.Timestamp)
		emitted = w.finals()
	}
	if w.rejects(r) {
		return emitted
	}
	if w.closed(r.Timestamp) {
		w.ledger[streams.DropLate]++
		return emitted
	}
	before := w.rows(r.Key)
	w.records[r.Key] = append(w.records[r.Key], r)
	after := w.rows(r.Key)
	for _, start := range slices.Sorted(maps.Keys(after)) {
		if row := after[start]; row != before[start] && !w.closed(start) {
			w.open[openWindow{start, r.Key}] = row.named(w.windows)
			emitted = append(emitted, row.named(w.windows))
		}
	}
	return emitted
}

// closed is true for the window from start on.
func (w *slidingTwin) closed(start int64) bool { return start+w.d+w.grace < w.time }

// slidingRow is what a window holds.
type slidingRow struct {
	key, value       string
	start, timestamp int64
}

func (s slidingRow) named(windows window.Windows) record {
	key := window.Windowed[string]{Key: s.key, Window: windows.Window(s.start)}
	return rec(windowText(key), s.value, s.timestamp)
}

// rows are the windows of a key: those that end at a record or start right after one, and hold something.
func (w *slidingTwin) rows(key string) map[int64]slidingRow {
	rows := map[int64]slidingRow{}
	for _, r := range w.records[key] {
		for _, start := range []int64{max(0, r.Timestamp-w.d), r.Timestamp + 1} {
			if row, ok := w.row(key, start); ok {
				rows[start] = row
			}
		}
	}
	return rows
}

func (w *slidingTwin) row(key string, start int64) (row slidingRow, ok bool) {
	row = slidingRow{key: key, start: start}
	for _, r := range w.records[key] {
		if r.Timestamp < start || r.Timestamp > start+w.d {
			continue
		}
		if row.timestamp = max(row.timestamp, r.Timestamp); ok {
			row.value = concat(row.value, r.Value)
		} else {
			row.value, ok = r.Value, true
		}
	}
	return row, ok
}

func (w *slidingTwin) finals() (emitted []record) {
	var due []openWindow
	for at := range w.open {
		if w.closed(at.start) {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, func(a, b openWindow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
	})
	for _, at := range due {
		final := w.open[at]
		final.Key = "final " + final.Key
		emitted = append(emitted, final)
		delete(w.open, at)
	}
	return emitted
}
