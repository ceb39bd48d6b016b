package streams_test

import (
	"cmp"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var heldBack = state.NewSuppress("held-back", serde.String, serde.String)

func TestSuppressFollowsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawSuppress(t)
		b := streams.NewBuilder("app")
		streams.TableFrom(b, in, rows).Suppress(w.hold(), heldBack).ToStream().To(out)
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// What stands behind a suppress must see changes from the row it saw last, not from one that was held back.
func TestGroupsBehindASuppressFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawSuppress(t)
		b := streams.NewBuilder("app")
		groups := streams.TableGroupByRecord(streams.TableFrom(b, in, rows).Suppress(w.hold(), heldBack),
			func(r record) (record, error) { return groupOf(r), nil }, rekey)
		streams.TableMapValues(summed(groups), func(n int64) string { return strconv.FormatInt(n, 10) }).ToStream().To(out)
		follows(t, b, chained{w, &groupTwin{rows: map[string]record{}, groups: map[string]record{}}},
			drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// chained is a twin that takes what another one makes.
type chained struct {
	*suppressTwin
	next twin
}

func (c chained) take(r record) (emitted []record) {
	for _, r := range c.suppressTwin.take(r) {
		emitted = append(emitted, c.next.take(r)...)
	}
	return emitted
}

// suppressTwin looks through all that waits, each time.
type suppressTwin struct {
	ledger
	wait, maxRecords, maxBytes int64 // bounds of 0: none
	time                       int64
	rows                       map[string]record
	told                       map[string]record // rows as they were let go last
	waiting                    []heldRow
}

type heldRow struct {
	since int64
	row   record
	bytes int64
}

func drawSuppress(t *rapid.T) *suppressTwin {
	w := &suppressTwin{
		ledger: ledger{}, rows: map[string]record{}, told: map[string]record{},
		wait: rapid.Int64Range(0, 30).Draw(t, "wait"),
	}
	if rapid.Bool().Draw(t, "bound of records") {
		w.maxRecords = rapid.Int64Range(1, 3).Draw(t, "max records")
	}
	if rapid.Bool().Draw(t, "bound of bytes") {
		w.maxBytes = rapid.Int64Range(1, 12).Draw(t, "max bytes")
	}
	return w
}

func (w *suppressTwin) hold() streams.Hold {
	h := streams.HoldFor(ms(w.wait))
	if w.maxRecords > 0 {
		h = h.MaxRecords(w.maxRecords)
	}
	if w.maxBytes > 0 {
		h = h.MaxBytes(w.maxBytes)
	}
	return h
}

func (w *suppressTwin) take(r record) (emitted []record) {
	if r.NullKey {
		w.rejects(r)
		return nil
	}
	old, was := w.rows[r.Key]
	if !was && r.NullValue {
		return nil
	}
	if w.rows[r.Key] = r; r.NullValue {
		delete(w.rows, r.Key)
	}
	w.time = max(w.time, r.Timestamp)
	w.enter(r, old)
	for len(w.waiting) > 0 && (w.waiting[0].since+w.wait <= w.time || w.full()) {
		emitted = append(emitted, w.release()...)
	}
	return emitted
}

// enter puts a change in the place of the one that waits. The buffer holds key, the row told last, the old and the new.
func (w *suppressTwin) enter(r, old record) {
	size := len(r.Key) + len(w.told[r.Key].Value) + len(old.Value) + len(r.Value)
	held := heldRow{since: r.Timestamp, row: r, bytes: int64(size)}
	if i := slices.IndexFunc(w.waiting, func(h heldRow) bool { return h.row.Key == r.Key }); i >= 0 {
		held.since = w.waiting[i].since
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	w.waiting = append(w.waiting, held)
	slices.SortFunc(w.waiting, func(a, b heldRow) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.row.Key, b.row.Key))
	})
}

func (w *suppressTwin) full() bool {
	var bytes int64
	for _, h := range w.waiting {
		bytes += h.bytes
	}
	return w.maxRecords > 0 && int64(len(w.waiting)) > w.maxRecords || w.maxBytes > 0 && bytes > w.maxBytes
}

// release lets the oldest row go. The delete of a row that was never told is no news.
func (w *suppressTwin) release() []record {
	row := w.waiting[0].row
	w.waiting = w.waiting[1:]
	_, told := w.told[row.Key]
	if w.told[row.Key] = row; row.NullValue {
		delete(w.told, row.Key)
	}
	if row.NullValue && !told {
		return nil
	}
	return []record{row}
}
