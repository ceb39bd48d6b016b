package statetest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

type kvRow = state.Row[string, []byte]

// kvTwin is a key-value store as a map.
type kvTwin struct {
	store state.KeyValue[string, []byte]
	spec  storage.Spec
	timed bool // finds rows by time
	rows  map[string]kvRow
	time  int64
}

func runKeyValue(t *testing.T, open opener) {
	plain := state.NewKeyValue("plain", serde.String, serde.Bytes)
	held := storage.Unsealed(state.NewSuppress("suppress", serde.String, serde.Bytes).Buffer())
	suppress := state.NewKeyValue("suppress", serde.String, serde.Bytes)
	for name, twin := range map[string]kvTwin{
		"plain":    {store: plain, spec: storage.Of(plain)},
		"ttl":      {store: plain, spec: storage.Of(plain.TTL(50 * time.Millisecond))},
		"suppress": {store: suppress, spec: held.Typed(serde.String, serde.Bytes, storage.Unsealed(suppress.Spec()))},
	} {
		twin.timed, twin.time = twin.spec.Layout() != "", -1
		t.Run(name, func(t *testing.T) {
			checkModel(t, open, twin.spec, func() *kvTwin {
				m := twin
				m.rows = map[string]kvRow{}
				return &m
			})
		})
	}
}

// timed is the side of a store that goes by time.
func timed(s state.KeyValueStore[string, []byte]) storage.Timed[kvRow] {
	return s.(storage.Timed[kvRow])
}

func (m *kvTwin) clone() *kvTwin {
	c := *m
	c.rows = maps.Clone(m.rows)
	return &c
}

func byKey(a, b kvRow) int  { return strings.Compare(a.Key, b.Key) }
func byTime(a, b kvRow) int { return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), byKey(a, b)) }

func (m *kvTwin) touch(rt *rapid.T, h *harness) {
	for i := range 600 {
		_, _, err := m.store.In(h).Get(fmt.Sprint("absent", i))
		require.NoError(rt, err)
	}
}

func (m *kvTwin) put(rt *rapid.T, h *harness) {
	row := kvRow{Key: oneKey(rt), Value: oneValue(rt), Timestamp: rapid.Int64Range(0, 100).Draw(rt, "timestamp")}
	given := slices.Clone(row.Value)
	require.NoError(rt, m.store.In(h).Put(row.Key, given, row.Timestamp))
	given[0] = 'x'
	m.rows[row.Key] = row
}

func (m *kvTwin) delete(rt *rapid.T, h *harness, key string) {
	require.NoError(rt, m.store.In(h).Delete(key, 1))
	delete(m.rows, key)
}

// write is one of a walk's reader: mostly the removal of the row that is shown.
func (m *kvTwin) write(rt *rapid.T, h *harness) func(kvRow) {
	return func(shown kvRow) {
		switch rapid.IntRange(0, 5).Draw(rt, "on the way") {
		case 0, 1, 2:
			m.delete(rt, h, shown.Key)
		case 3:
			m.put(rt, h)
		case 4:
			m.delete(rt, h, oneKey(rt))
		}
	}
}

func (m *kvTwin) actions(h *harness) map[string]func(*rapid.T) {
	s := m.store.In(h)
	all := func() []kvRow { return sorted(m.rows, everything, byKey) }
	out := map[string]func(*rapid.T){
		"put":    func(rt *rapid.T) { m.put(rt, h) },
		"delete": func(rt *rapid.T) { m.delete(rt, h, oneKey(rt)) },
		"walk":   func(rt *rapid.T) { live(rt, s.All(), all, byKey, m.write(rt, h)) },
		"walk back": func(rt *rapid.T) {
			back := func(a, b kvRow) int { return byKey(b, a) }
			live(rt, s.Reverse(), func() []kvRow { return sorted(m.rows, everything, back) }, back, m.write(rt, h))
		},
	}
	if m.timed {
		out["observe"] = func(rt *rapid.T) {
			at := rapid.Int64Range(0, 200).Draw(rt, "time")
			timed(s).Observe(at)
			m.time = max(m.time, at)
		}
		out["sweep"] = func(rt *rapid.T) {
			to := rapid.Int64Range(-10, 110).Draw(rt, "to")
			due := func() []kvRow { return m.until(to) }
			live(rt, timed(s).Until(to), due, byTime, m.write(rt, h))
		}
		out["sweep all"] = func(rt *rapid.T) {
			live(rt, timed(s).Oldest(), func() []kvRow { return m.until(math.MaxInt64) }, byTime, m.write(rt, h))
		}
	}
	return out
}

func (m *kvTwin) until(to int64) []kvRow {
	return sorted(m.rows, func(r kvRow) bool { return r.Timestamp <= to }, byTime)
}

func (m *kvTwin) check(rt *rapid.T, h *harness) {
	s := m.store.In(h)
	from, to := oneKey(rt), oneKey(rt)
	row, ok, err := s.Row(from)
	require.NoError(rt, err)
	want, known := m.rows[from]
	require.Equal(rt, known, ok)
	if known {
		require.Equal(rt, want, row)
	}
	requireRows(rt, sorted(m.rows, everything, byKey), s.All(), s.Reverse())
	within := func(r kvRow) bool { return r.Key >= from && r.Key <= to }
	requireRows(rt, sorted(m.rows, within, byKey), s.Range(from, to), s.ReverseRange(from, to), "%q to %q", from, to)
	begins := func(r kvRow) bool { return strings.HasPrefix(r.Key, from) }
	requireRows(rt, sorted(m.rows, begins, byKey), s.Prefix([]byte(from)), nil, "begins with %q", from)
	if m.timed {
		byTime := timed(s)
		at, _ := byTime.Time()
		require.Equal(rt, m.time, at)
		m.checkByTime(rt, byTime)
	}
}

func (m *kvTwin) checkByTime(rt *rapid.T, s storage.Timed[kvRow]) {
	to := rapid.Int64Range(0, 100).Draw(rt, "until")
	requireRows(rt, m.until(to), s.Until(to), nil, "until %d", to)
	if ttl := m.spec.Options().TTL.Milliseconds(); ttl > 0 {
		requireRows(rt, m.until(m.time-ttl-1), s.Expired(), nil, "expired at %d", m.time)
	}
	requireRows(rt, m.until(math.MaxInt64), s.Until(math.MaxInt64), nil)
	requireRows(rt, m.until(math.MaxInt64), s.Oldest(), nil)
}
