package streams_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var pairs = state.NewJoin("pairs", serde.String, serde.String, serde.String)

type optional = streams.Optional[string]

// sides writes left/right, a missing one as null.
func sides(_, l, r optional) (optional, error) { return streams.Some(orNull(l) + "/" + orNull(r)), nil }

var kinds = []streams.JoinKind{streams.Inner, streams.Left, streams.Outer}

func TestJoinsOfStreamsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, windows := drawJoin(t)
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		streams.JoinStreamsRecord(branch(s, "L"), branch(s, "R"), w.kind, windows, pairs, sides).To(out)
		follows(t, b, w, drawRecords(t, shape{
			sides: []string{"L", "R"}, nullKeys: true, jumps: true, sameTime: rapid.Bool().Draw(t, "same times"),
		}))
	})
}

func TestSelfJoinsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, windows := drawJoin(t)
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		streams.JoinStreamsRecord(s, s, w.kind, windows, pairs, sides).To(out)
		w.self = true
		follows(t, b, w, drawRecords(t, shape{
			nullKeys: true, jumps: true, sameTime: rapid.Bool().Draw(t, "same times"),
		}))
	})
}

// drawJoin draws a kind and windows, lopsided ones too, and those that lie on one side of a record altogether.
func drawJoin(t *rapid.T) (*joinTwin, window.Join) {
	before := rapid.Int64Range(-8, 12).Draw(t, "before")
	after := rapid.Int64Range(max(-8, -before), 12).Draw(t, "after")
	grace := rapid.Int64Range(0, 15).Draw(t, "grace")
	w := &joinTwin{
		ledger: ledger{}, kind: rapid.SampledFrom(kinds).Draw(t, "kind"), before: before, after: after, grace: grace,
	}
	return w, window.Between(ms(before), ms(after)).Grace(ms(grace))
}

// joinTwin keeps every record of both sides for ever.
type joinTwin struct {
	ledger
	kind                 streams.JoinKind
	before, after, grace int64
	self                 bool
	time                 int64
	came                 []*joinRecord // records that were not late, in order of arrival
}

type joinRecord struct {
	record
	left, met, final bool
}

func (w *joinTwin) take(r record) []record {
	if w.self {
		return append(w.arrive(r, true), w.arrive(r, false)...)
	}
	side, r := sideOf(r)
	return w.arrive(r, side == "L")
}

func (w *joinTwin) arrive(r record, left bool) []record {
	w.time = max(w.time, r.Timestamp)
	emitted := w.unmatched()
	switch {
	case r.NullKey && !r.NullValue && w.comesAlone(left):
		return append(emitted, w.result(r, record{NullValue: true}, left))
	case w.rejects(r):
		return emitted
	case w.passed(r.Timestamp, left):
		w.ledger[streams.DropLate]++
		return emitted
	}
	own := &joinRecord{record: r, left: left}
	for _, o := range w.partners(own) {
		own.met, o.met = true, true
		emitted = append(emitted, w.result(r, o.record, left))
	}
	w.came = append(w.came, own)
	return emitted
}

// comesAlone is true for the sides whose records have a result without a partner.
func (w *joinTwin) comesAlone(left bool) bool {
	return w.kind == streams.Outer || w.kind == streams.Left && left
}

// passed is true when stream time has gone by the window of a record: its partners would be late.
func (w *joinTwin) passed(timestamp int64, left bool) bool {
	if left {
		return w.time > timestamp+max(0, w.after)+w.grace
	}
	return w.time > timestamp+max(0, w.before)+w.grace
}

// partners are the records of the other side in the window, by time, then arrival.
func (w *joinTwin) partners(own *joinRecord) (found []*joinRecord) {
	for _, o := range w.came {
		l, r := own, o
		if !own.left {
			l, r = o, own
		}
		inside := l.Timestamp-w.before <= r.Timestamp && r.Timestamp <= l.Timestamp+w.after
		if o.left != own.left && o.Key == own.Key && inside && !o.final {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *joinRecord) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return found
}

// unmatched makes the results that are due, by time, right before left, then key.
func (w *joinTwin) unmatched() (emitted []record) {
	var due []*joinRecord
	for _, r := range w.came {
		if w.comesAlone(r.left) && !r.met && !r.final && w.passed(r.Timestamp, r.left) {
			r.final = true
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b *joinRecord) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), compareBool(a.left, b.left),
			bytes.Compare([]byte(a.Key), []byte(b.Key)))
	})
	for _, r := range due {
		emitted = append(emitted, w.result(r.record, record{NullValue: true}, r.left))
	}
	return emitted
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (w *joinTwin) result(r, o record, left bool) record {
	a, b := optional{Value: r.Value, OK: true}, optional{Value: o.Value, OK: !o.NullValue}
	if !left {
		a, b = b, a
	}
	r.Value, r.Timestamp = orNull(a)+"/"+orNull(b), max(r.Timestamp, o.Timestamp)
	return r
}
