package statetest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

type sessionRow = state.SessionRow[string, []byte]

type sessionAt struct {
	key        string
	start, end int64
}

// sessionTwin is a session store as a map.
type sessionTwin struct {
	rows  map[sessionAt]sessionRow
	time  int64
	swept int64
}

var sessions = state.NewSession("sessions", serde.String, serde.Bytes).Retain(keep)

func runSession(t *testing.T, open opener) {
	checkModel(t, open, storage.Of(sessions), func() *sessionTwin {
		return &sessionTwin{rows: map[sessionAt]sessionRow{}, time: -1, swept: -1}
	})
}

func (m *sessionTwin) clone() *sessionTwin {
	c := *m
	c.rows = maps.Clone(m.rows)
	return &c
}

func (m *sessionTwin) oldest() int64 { return max(0, m.time-keep.Milliseconds()) }

// byEnd is the order over all keys; those of one end lie by the bytes of key and start.
func byEnd(a, b sessionRow) int {
	rest := func(r sessionRow) string {
		return string(binary.BigEndian.AppendUint64([]byte(r.Key), uint64(r.Start)))
	}
	return cmp.Or(cmp.Compare(a.End, b.End), strings.Compare(rest(a), rest(b)))
}

func (m *sessionTwin) between(from, to int64) []sessionRow {
	return sorted(m.rows, func(r sessionRow) bool { return r.End >= max(from, m.oldest()) && r.End <= to }, byEnd)
}

func (m *sessionTwin) find(key string, from, to int64) []sessionRow {
	return slices.DeleteFunc(m.between(from, math.MaxInt64), func(r sessionRow) bool {
		return r.Key != key || r.Start > to
	})
}

func (m *sessionTwin) touch(rt *rapid.T, h *harness) {
	for i := range 600 {
		_, _, err := sessions.In(h).Row(fmt.Sprint("absent", i), 0, max(m.time, 0))
		require.NoError(rt, err)
	}
}

func (m *sessionTwin) at(rt *rapid.T) int64 {
	return max(0, m.time+second*rapid.Int64Range(-100, 40).Draw(rt, "at"))
}

func (m *sessionTwin) put(rt *rapid.T, h *harness, end int64) {
	row := sessionRow{Key: oneKey(rt), End: end, Value: oneValue(rt), Timestamp: end}
	row.Start = max(0, end-second*rapid.Int64Range(0, 30).Draw(rt, "length"))
	given := slices.Clone(row.Value)
	require.NoError(rt, sessions.In(h).Put(row.Key, row.Start, row.End, given, row.Timestamp))
	given[0] = 'x'
	if m.time = max(m.time, end); end >= m.oldest() {
		m.rows[sessionAt{row.Key, row.Start, row.End}] = row
	}
}

func (m *sessionTwin) delete(rt *rapid.T, h *harness, at sessionAt) {
	require.NoError(rt, sessions.In(h).Delete(at.key, at.start, at.end, at.end))
	delete(m.rows, at)
}

// one is a session that is there, if there is any.
func (m *sessionTwin) one(rt *rapid.T) (at sessionAt) {
	if rows := m.between(0, math.MaxInt64); len(rows) > 0 {
		row := rapid.SampledFrom(rows).Draw(rt, "session")
		at = sessionAt{row.Key, row.Start, row.End}
	}
	return at
}

func (m *sessionTwin) write(rt *rapid.T, h *harness, latest int64) func(sessionRow) {
	return func(shown sessionRow) {
		switch rapid.IntRange(0, 5).Draw(rt, "on the way") {
		case 0, 1, 2:
			m.delete(rt, h, sessionAt{shown.Key, shown.Start, shown.End})
		case 3:
			m.put(rt, h, min(m.at(rt), latest))
		case 4:
			m.delete(rt, h, m.one(rt))
		}
	}
}

func (m *sessionTwin) actions(h *harness) map[string]func(*rapid.T) {
	s := sessions.In(h)
	back := func(a, b sessionRow) int { return byEnd(b, a) }
	reversed := func(rows []sessionRow) []sessionRow {
		slices.Reverse(rows)
		return rows
	}
	return map[string]func(*rapid.T){
		"put":    func(rt *rapid.T) { m.put(rt, h, m.at(rt)) },
		"delete": func(rt *rapid.T) { m.delete(rt, h, m.one(rt)) },
		"observe": func(rt *rapid.T) {
			at := m.time + second*rapid.Int64Range(-10, 200).Draw(rt, "by")
			s.Observe(at)
			m.time = max(m.time, at)
		},
		"walk": func(rt *rapid.T) {
			rows := func() []sessionRow { return m.between(0, math.MaxInt64) }
			live(rt, s.All(), rows, byEnd, m.write(rt, h, math.MaxInt64))
		},
		"walk back": func(rt *rapid.T) {
			from, to := m.at(rt), m.at(rt)
			rows := func() []sessionRow { return reversed(m.between(from, to)) }
			live(rt, s.BetweenReverse(from, to), rows, back, m.write(rt, h, math.MaxInt64))
		},
		"find": func(rt *rapid.T) {
			key, from, to := oneKey(rt), m.at(rt), m.at(rt)
			rows := func() []sessionRow { return m.find(key, from, to) }
			live(rt, s.Find(key, from, to), rows, byEnd, m.write(rt, h, max(m.time, 0)))
		},
		"find back": func(rt *rapid.T) {
			key, from, to := oneKey(rt), m.at(rt), m.at(rt)
			rows := func() []sessionRow { return reversed(m.find(key, from, to)) }
			live(rt, s.FindReverse(key, from, to), rows, back, m.write(rt, h, max(m.time, 0)))
		},
		"sweep": func(rt *rapid.T) {
			from, to := m.swept+1, m.swept+second*rapid.Int64Range(1, 100).Draw(rt, "to")
			rows := func() []sessionRow { return m.between(from, to) }
			if live(rt, s.(storage.Sweeping[sessionRow]).Sweep(from, to), rows, byEnd, m.write(rt, h, math.MaxInt64)) {
				m.swept = to
			}
		},
	}
}

func (m *sessionTwin) check(rt *rapid.T, h *harness) {
	s := sessions.In(h)
	now, _ := s.Time()
	require.Equal(rt, m.time, now)
	at := m.one(rt)
	row, ok, err := s.Row(at.key, at.start, at.end)
	require.NoError(rt, err)
	want, known := m.rows[at]
	known = known && at.end >= m.oldest()
	require.Equal(rt, known, ok)
	if known {
		require.Equal(rt, want, row)
	}
	requireRows(rt, m.between(0, math.MaxInt64), s.All(), nil)
	key, from, to := oneKey(rt), m.at(rt)-second, m.at(rt)-second
	requireRows(rt, m.between(from, to), s.Between(from, to), s.BetweenReverse(from, to), "%d to %d", from, to)
	requireRows(rt, m.between(2*from, from), s.Between(2*from, from), nil)
	requireRows(rt, m.find(key, from, to), s.Find(key, from, to), s.FindReverse(key, from, to), "%d to %d", from, to)
	requireRows(rt, m.find(key, 0, math.MaxInt64), s.Find(key, math.MinInt64, math.MaxInt64), nil, "all of %q", key)
}
