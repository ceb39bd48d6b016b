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

// keep is the retention of the stores by time, more than the minute that the rows of a key share at least.
const keep = 90 * time.Second

// second is what times in the models are multiples of, so that they meet.
const second = 1000

type windowRow = state.WindowRow[string, []byte]

type windowAt struct {
	key   string
	start int64
}

// windowTwin is a window store as a map.
type windowTwin struct {
	spec  state.Window[string, []byte]
	rows  map[windowAt]windowRow
	time  int64
	swept int64 // up to where windows were swept
}

func runWindow(t *testing.T, open opener) {
	plain := state.NewWindow("windows", serde.String, serde.Bytes).Retain(keep)
	for name, spec := range map[string]state.Window[string, []byte]{"by start": plain, "by key": plain.ByKey()} {
		t.Run(name, func(t *testing.T) {
			checkModel(t, open, storage.Of(spec), func() *windowTwin {
				return &windowTwin{spec: spec, rows: map[windowAt]windowRow{}, time: -1, swept: -1}
			})
		})
	}
}

func (m *windowTwin) clone() *windowTwin {
	c := *m
	c.rows = maps.Clone(m.rows)
	return &c
}

func (m *windowTwin) oldest() int64 { return max(0, m.time-keep.Milliseconds()) }

func byStart(a, b windowRow) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Key, b.Key))
}

func (m *windowTwin) between(from, to int64) []windowRow {
	return sorted(m.rows, func(r windowRow) bool { return r.Start >= max(from, m.oldest()) && r.Start <= to }, byStart)
}

func (m *windowTwin) fetch(key string, from, to int64) []windowRow {
	return slices.DeleteFunc(m.between(from, to), func(r windowRow) bool { return r.Key != key })
}

func (m *windowTwin) touch(rt *rapid.T, h *harness) {
	for i := range 600 {
		_, _, err := m.spec.In(h).Get(fmt.Sprint("absent", i), max(m.time, 0))
		require.NoError(rt, err)
	}
}

// start draws a time near the present one, mostly one that has not expired.
func (m *windowTwin) start(rt *rapid.T) int64 {
	return max(0, m.time+second*rapid.Int64Range(-100, 40).Draw(rt, "start"))
}

func (m *windowTwin) put(rt *rapid.T, h *harness, start int64) {
	row := windowRow{Key: oneKey(rt), Start: start, Value: oneValue(rt)}
	row.Timestamp = start + rapid.Int64Range(0, second).Draw(rt, "timestamp")
	given := slices.Clone(row.Value)
	require.NoError(rt, m.spec.In(h).Put(row.Key, row.Start, given, row.Timestamp))
	given[0] = 'x'
	if m.time = max(m.time, start); start >= m.oldest() {
		m.rows[windowAt{row.Key, row.Start}] = row
	}
}

func (m *windowTwin) delete(rt *rapid.T, h *harness, key string, start int64) {
	require.NoError(rt, m.spec.In(h).Delete(key, start, start))
	delete(m.rows, windowAt{key, start})
}

func (m *windowTwin) write(rt *rapid.T, h *harness, latest int64) func(windowRow) {
	return func(shown windowRow) {
		switch rapid.IntRange(0, 5).Draw(rt, "on the way") {
		case 0, 1, 2:
			m.delete(rt, h, shown.Key, shown.Start)
		case 3:
			m.put(rt, h, min(m.start(rt), latest))
		case 4:
			m.delete(rt, h, oneKey(rt), m.start(rt))
		}
	}
}

func (m *windowTwin) actions(h *harness) map[string]func(*rapid.T) {
	s := m.spec.In(h)
	return map[string]func(*rapid.T){
		"put":    func(rt *rapid.T) { m.put(rt, h, m.start(rt)) },
		"delete": func(rt *rapid.T) { m.delete(rt, h, oneKey(rt), m.start(rt)) },
		"observe": func(rt *rapid.T) {
			at := m.time + second*rapid.Int64Range(-10, 200).Draw(rt, "by")
			s.Observe(at)
			m.time = max(m.time, at)
		},
		"walk": func(rt *rapid.T) {
			from, to := m.start(rt), m.start(rt)
			live(rt, s.Between(from, to), func() []windowRow { return m.between(from, to) }, byStart,
				m.write(rt, h, math.MaxInt64))
		},
		"walk back": func(rt *rapid.T) {
			from, to := m.start(rt), m.start(rt)
			back := func(a, b windowRow) int { return byStart(b, a) }
			rows := func() []windowRow {
				rows := m.between(from, to)
				slices.Reverse(rows)
				return rows
			}
			live(rt, s.BetweenReverse(from, to), rows, back, m.write(rt, h, math.MaxInt64))
		},
		"fetch": func(rt *rapid.T) {
			key, from, to := oneKey(rt), m.start(rt), m.time
			live(rt, s.Fetch(key, from, to), func() []windowRow { return m.fetch(key, from, to) }, byStart,
				m.write(rt, h, max(m.time, 0)))
		},
		"sweep": func(rt *rapid.T) {
			from, to := m.swept+1, m.swept+second*rapid.Int64Range(1, 100).Draw(rt, "to")
			sweep := s.(storage.Sweeping[windowRow]).Sweep(from, to)
			whole := live(rt, sweep, func() []windowRow { return m.between(from, to) }, byStart, m.write(rt, h, math.MaxInt64))
			if whole {
				m.swept = to
			}
		},
	}
}

func (m *windowTwin) check(rt *rapid.T, h *harness) {
	s := m.spec.In(h)
	at, _ := s.Time()
	require.Equal(rt, m.time, at)
	key, from, to := oneKey(rt), m.start(rt), m.start(rt)
	row, ok, err := s.Row(key, from)
	require.NoError(rt, err)
	want, known := m.rows[windowAt{key, from}]
	known = known && from >= m.oldest()
	require.Equal(rt, known, ok)
	if known {
		require.Equal(rt, want, row)
	}
	requireRows(rt, m.between(0, math.MaxInt64), s.Between(0, math.MaxInt64), s.BetweenReverse(0, math.MaxInt64))
	requireRows(rt, m.between(from, to), s.Between(from, to), s.BetweenReverse(from, to), "%d to %d", from, to)
	requireRows(rt, m.fetch(key, from, to), s.Fetch(key, from, to), s.FetchReverse(key, from, to), "%d to %d", from, to)
	requireRows(rt, m.fetch(key, 0, math.MaxInt64), s.Fetch(key, math.MinInt64, math.MaxInt64), nil, "all of %q", key)
}
