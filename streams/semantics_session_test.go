package streams_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var visits = state.NewSession("visits", serde.String, serde.String)

func addText(_, value, row string) string { return concat(row, value) }
func mergeText(_, a, b string) string     { return a + "&" + b }

func TestSessionsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap, grace := rapid.Int64Range(1, 10).Draw(t, "gap"), rapid.Int64Range(0, 20).Draw(t, "grace")
		windows := window.Sessions(ms(gap)).Grace(ms(grace))
		store := visits.Retain(ms(rapid.Int64Range(1, 200).Draw(t, "retention"))) // longer than needed, perhaps
		if rapid.Bool().Draw(t, "in memory") {
			store = store.InMemory()
		}
		b := streams.NewBuilder("app")
		table := streams.SessionAggregate(
			streams.From(b, in).GroupByKey().SessionsBy(windows), store, zero, addText, mergeText)
		streams.ResultsBy(table.Updates(), windowText).To(out)
		streams.ResultsBy(table.Final(), finalText).To(out)
		w := &sessionTwin{ledger: ledger{}, gap: gap, grace: grace}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// sessionTwin keeps every session for ever.
type sessionTwin struct {
	ledger
	gap, grace int64
	time       int64
	sessions   []session
}

type session struct {
	key, value string
	start, end int64
	final      bool
}

func (w *sessionTwin) take(r record) (emitted []record) {
	if !r.NullKey {
		w.time = max(w.time, r.Timestamp)
		emitted = w.finals()
	}
	if w.rejects(r) {
		return emitted
	}
	merged := session{key: r.Key, value: zero(), start: r.Timestamp, end: r.Timestamp}
	var others, gone []session
	for _, s := range w.sorted() {
		if s.final || s.key != r.Key || s.start > r.Timestamp+w.gap || s.end < r.Timestamp-w.gap {
			others = append(others, s)
			continue
		}
		gone = append(gone, s)
		merged.value = mergeText("", merged.value, s.value)
		merged.start, merged.end = min(merged.start, s.start), max(merged.end, s.end)
	}
	if w.closed(merged.end) {
		w.ledger[streams.DropLate]++
		return emitted
	}
	merged.value = concat(merged.value, r.Value)
	for _, s := range gone {
		if s.start != merged.start || s.end != merged.end {
			emitted = append(emitted, nullValue(w.name(s), s.end))
		}
	}
	w.sessions = append(others, merged)
	return append(emitted, rec(w.name(merged), merged.value, merged.end))
}

func (w *sessionTwin) closed(end int64) bool { return end+w.gap+w.grace < w.time }

// sorted are the sessions by end, then key.
func (w *sessionTwin) sorted() []session {
	slices.SortFunc(w.sessions, func(a, b session) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.key, b.key))
	})
	return w.sessions
}

func (w *sessionTwin) name(s session) string {
	return windowText(window.Windowed[string]{
		Key: s.key, Window: window.Window{Start: s.start, End: s.end, EndIncluded: true},
	})
}

func (w *sessionTwin) finals() (emitted []record) {
	for i, s := range w.sorted() {
		if !s.final && w.closed(s.end) {
			w.sessions[i].final = true
			emitted = append(emitted, rec("final "+w.name(s), s.value, s.end))
		}
	}
	return emitted
}
