package statetest

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// buffered is a record in a buffer. Its value tells when it came.
type buffered[V any] struct {
	key       string
	value     V
	timestamp int64
	arrival   int
}

// bufferTwin is a buffer as a list.
type bufferTwin[V any] struct {
	spec     state.Buffer[string, V]
	make     func(rt *rapid.T, text []byte) V
	with     func(v V, text []byte) V
	text     func(V) []byte
	rows     []buffered[V]
	time     int64
	arrivals int
}

func runBuffer(t *testing.T, open opener) {
	declared := state.NewBuffer("buffer", serde.String, serde.Bytes).Retain(keep)
	plain := bufferTwin[[]byte]{
		make: func(_ *rapid.T, text []byte) []byte { return text },
		with: func(_, text []byte) []byte { return text },
		text: func(text []byte) []byte { return text },
		time: -1,
	}
	held := bufferTwin[storage.Held[[]byte]]{
		spec: state.NewBuffer("buffer", serde.String, storage.HeldSerde(serde.Bytes)).ByTime().Retain(keep), make: heldValue,
		with: func(v storage.Held[[]byte], text []byte) storage.Held[[]byte] {
			v.Value = text
			return v
		},
		text: func(v storage.Held[[]byte]) []byte { return v.Value }, time: -1,
	}
	for name, spec := range map[string]state.Buffer[string, []byte]{"by key": declared, "by time": declared.ByTime()} {
		t.Run(name, func(t *testing.T) {
			plain.spec = spec
			checkModel(t, open, storage.Of(spec), func() *bufferTwin[[]byte] { return plain.clone() })
		})
	}
	t.Run("held", func(t *testing.T) {
		checkModel(t, open, storage.Of(held.spec), func() *bufferTwin[storage.Held[[]byte]] { return held.clone() })
	})
}

func heldValue(rt *rapid.T, text []byte) storage.Held[[]byte] {
	v := storage.Held[[]byte]{Value: text}
	for range rapid.IntRange(0, 2).Draw(rt, "headers") {
		h := storage.Header{Key: rapid.SampledFrom([]string{"", "a"}).Draw(rt, "header")}
		h.Value = rapid.SampledFrom([][]byte{nil, {}, []byte("b")}).Draw(rt, "header value")
		v.Headers = append(v.Headers, h)
	}
	return v
}

func (m *bufferTwin[V]) clone() *bufferTwin[V] {
	c := *m
	c.rows = slices.Clone(m.rows)
	return &c
}

func (m *bufferTwin[V]) byTime() bool { return storage.Of(m.spec).Layout() != "" }

func (m *bufferTwin[V]) oldest() int64 { return max(0, m.time-keep.Milliseconds()) }

func byArrival[V any](a, b buffered[V]) int {
	return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), cmp.Compare(a.arrival, b.arrival))
}

// those are the records that a walk has to show.
func (m *bufferTwin[V]) those(show func(buffered[V]) bool) []buffered[V] {
	rows := slices.DeleteFunc(slices.Clone(m.rows), func(r buffered[V]) bool { return !show(r) })
	slices.SortFunc(rows, byArrival[V])
	return rows
}

func (m *bufferTwin[V]) fetch(key string, from, to int64) []buffered[V] {
	from = max(from, m.oldest())
	return m.those(func(r buffered[V]) bool { return r.key == key && r.timestamp >= from && r.timestamp <= to })
}

func (m *bufferTwin[V]) until(to int64) []buffered[V] {
	return m.those(func(r buffered[V]) bool { return r.timestamp <= to })
}

// shown makes the rows of a walk comparable, and keeps the one that is shown for its removal.
func (m *bufferTwin[V]) shown(
	walk iter.Seq2[state.BufferRow[string, V], error], keep *state.BufferRow[string, V],
) iter.Seq2[buffered[V], error] {
	return func(yield func(buffered[V], error) bool) {
		for row, err := range walk {
			*keep = row
			out := buffered[V]{key: row.Key, value: row.Value, timestamp: row.Timestamp}
			_, _ = fmt.Sscan(string(m.text(row.Value)), &out.arrival)
			if !yield(out, err) {
				return
			}
		}
	}
}

func (m *bufferTwin[V]) touch(*rapid.T, *harness) {}

func (m *bufferTwin[V]) at(rt *rapid.T) int64 {
	return max(0, m.time+second*rapid.Int64Range(-100, 40).Draw(rt, "at"))
}

func (m *bufferTwin[V]) put(rt *rapid.T, h *harness, at int64) {
	m.arrivals++
	text := fmt.Append(nil, m.arrivals)
	r := buffered[V]{key: oneKey(rt), value: m.make(rt, text), timestamp: at, arrival: m.arrivals}
	given := slices.Clone(text)
	require.NoError(rt, m.spec.In(h).Put(r.key, m.with(r.value, given), r.timestamp))
	given[0] = 'x'
	if m.time = max(m.time, at); at >= m.oldest() {
		m.rows = append(m.rows, r)
	}
}

func (m *bufferTwin[V]) remove(rt *rapid.T, h *harness, r buffered[V], row state.BufferRow[string, V]) {
	require.NoError(rt, m.spec.In(h).Remove(row))
	m.rows = slices.DeleteFunc(m.rows, func(other buffered[V]) bool { return other.arrival == r.arrival })
}

func (m *bufferTwin[V]) walk(
	rt *rapid.T, h *harness, walk iter.Seq2[state.BufferRow[string, V], error], rows func() []buffered[V], latest int64,
) {
	var row state.BufferRow[string, V]
	live(rt, m.shown(walk, &row), rows, byArrival[V], func(shown buffered[V]) {
		switch rapid.IntRange(0, 4).Draw(rt, "on the way") {
		case 0, 1, 2:
			m.remove(rt, h, shown, row)
		case 3:
			m.put(rt, h, min(m.at(rt), latest))
		}
	})
}

func (m *bufferTwin[V]) actions(h *harness) map[string]func(*rapid.T) {
	s := m.spec.In(h)
	out := map[string]func(*rapid.T){
		"put":      func(rt *rapid.T) { m.put(rt, h, m.at(rt)) },
		"put more": func(rt *rapid.T) { m.put(rt, h, max(0, m.time)) },
		"observe": func(rt *rapid.T) {
			at := m.time + second*rapid.Int64Range(-10, 200).Draw(rt, "by")
			s.Observe(at)
			m.time = max(m.time, at)
		},
	}
	if m.byTime() {
		out["until"] = func(rt *rapid.T) {
			to := m.at(rt)
			m.walk(rt, h, s.Until(to), func() []buffered[V] { return m.until(to) }, math.MaxInt64)
		}
		return out
	}
	out["fetch"] = func(rt *rapid.T) {
		key, from, to := oneKey(rt), m.at(rt), m.time
		m.walk(rt, h, s.Fetch(key, from, to), func() []buffered[V] { return m.fetch(key, from, to) }, max(0, m.time))
	}
	return out
}

func (m *bufferTwin[V]) check(rt *rapid.T, h *harness) {
	s := m.spec.In(h)
	now, _ := s.Time()
	require.Equal(rt, m.time, now)
	var row state.BufferRow[string, V]
	if m.byTime() {
		to := m.at(rt)
		requireRows(rt, m.until(to), m.shown(s.Until(to), &row), nil, "until %d", to)
		requireRows(rt, m.until(math.MaxInt64), m.shown(s.Until(math.MaxInt64), &row), nil)
		return
	}
	key, from, to := oneKey(rt), m.at(rt), m.at(rt)
	requireRows(rt, m.fetch(key, from, to), m.shown(s.Fetch(key, from, to), &row), nil, "%d to %d", from, to)
	all := m.shown(s.Fetch(key, math.MinInt64, math.MaxInt64), &row)
	requireRows(rt, m.fetch(key, 0, math.MaxInt64), all, nil, "all of %q", key)
}
