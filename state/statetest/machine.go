package statetest

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
)

// model is the slow twin of a store.
type model[M any] interface {
	clone() M
	// touch reads rows that are not there, so that small caches rotate.
	touch(rt *rapid.T, h *harness)
	// check compares everything that can be asked.
	check(rt *rapid.T, h *harness)
	// actions are the writes, and the walks with writes on the way.
	actions(h *harness) map[string]func(*rapid.T)
}

// machine takes a store and its twin through all that a task does with stores.
type machine[M model[M]] struct {
	h         *harness
	now       M
	marked    M
	committed M
	dirty     int64 // at the mark
}

// checkModel compares a store with its twin.
func checkModel[M model[M]](t *testing.T, open opener, spec storage.Spec, empty func() M) {
	p := &place{open: open, parent: t.TempDir()}
	rapid.Check(t, func(rt *rapid.T) {
		cache := rapid.SampledFrom([]int64{0, 20_000, 1 << 30}).Draw(rt, "cache")
		m := &machine[M]{h: newHarness(rt, spec, cache, p), now: empty()}
		m.h.start()
		m.marked, m.committed = m.now.clone(), m.now.clone()
		rt.Repeat(m.actions())
		m.h.drop()
	})
}

func (m *machine[M]) actions() map[string]func(*rapid.T) {
	out := map[string]func(*rapid.T){
		"": func(rt *rapid.T) { m.now.check(rt, m.h) },
		"mark": func(*rapid.T) {
			m.h.open.Mark()
			m.mark()
		},
		"undo": func(rt *rapid.T) {
			m.h.open.Undo()
			m.now = m.marked.clone()
			require.Equal(rt, m.dirty, m.h.open.Dirty())
		},
		"commit":  func(rt *rapid.T) { m.commit(rt) },
		"commit2": func(rt *rapid.T) { m.commit(rt) },
		"die": func(*rapid.T) {
			m.h.die()
			m.committed = m.now.clone()
			m.mark()
		},
		"abort":  func(rt *rapid.T) { m.h.abort(rapid.Bool().Draw(rt, "flushed")); m.back(rt) },
		"reopen": func(rt *rapid.T) { m.h.reopen(); m.back(rt) },
		"lose":   m.lose,
		"touch":  func(rt *rapid.T) { m.now.touch(rt, m.h) },
	}
	for name := range m.now.actions(m.h) {
		out[name] = func(rt *rapid.T) { m.now.actions(m.h)[name](rt) }
		out[name+" again"] = out[name]
	}
	return out
}

func (m *machine[M]) mark() { m.marked, m.dirty = m.now.clone(), m.h.open.Dirty() }

// back is at the last commit.
func (m *machine[M]) back(rt *rapid.T) {
	require.Zero(rt, m.h.open.Dirty())
	m.now = m.committed.clone()
	m.mark()
}

func (m *machine[M]) commit(rt *rapid.T) {
	m.h.commit()
	require.Zero(rt, m.h.open.Dirty())
	m.committed = m.now.clone()
	m.mark()
	m.now.check(rt, m.h.twin())
}

func (m *machine[M]) lose(rt *rapid.T) {
	records := m.h.log.records
	if m.h.spec.Kind() != storage.KindVersioned && rapid.Bool().Draw(rt, "compacted") {
		records = m.h.log.compacted()
	}
	m.h.lose(records, rapid.IntRange(1, 10).Draw(rt, "batch"))
	m.back(rt)
}

// collect walks to the end.
func collect[R any](rt *rapid.T, walk iter.Seq2[R, error]) []R {
	rows := []R{}
	for row, err := range walk {
		require.NoError(rt, err)
		rows = append(rows, row)
	}
	return rows
}

// requireRows compares a walk with a list of rows, and its reverse with the list from behind.
func requireRows[R any](rt *rapid.T, want []R, walk, reverse iter.Seq2[R, error], what ...any) {
	require.Equal(rt, append([]R{}, want...), collect(rt, walk), what...)
	if reverse != nil {
		want = slices.Clone(want)
		slices.Reverse(want)
		require.Equal(rt, append([]R{}, want...), collect(rt, reverse), what...)
	}
}

// live walks a store that is written to on the way: each row shown is the next one of the twin as it is by then. It
// tells whether the walk came to its end.
func live[R any](
	rt *rapid.T, walk iter.Seq2[R, error], rows func() []R, order func(a, b R) int, write func(shown R),
) (whole bool) {
	stop := rapid.IntRange(1, 30).Draw(rt, "stop")
	var last *R
	next := func() *R {
		for _, row := range rows() {
			if last == nil || order(row, *last) > 0 {
				return &row
			}
		}
		return nil
	}
	for row, err := range walk {
		require.NoError(rt, err)
		want := next()
		require.NotNil(rt, want, "shows %v, which is not there", row)
		require.Equal(rt, *want, row, "behind %v", last)
		last = &row
		if stop--; stop == 0 {
			return false
		}
		write(row)
	}
	if missing := next(); missing != nil {
		require.Fail(rt, "a row is missing", "behind %v: %v", last, *missing)
	}
	return true
}

// sorted are the values of a map in some order, those that keep refuses left out.
func sorted[K comparable, R any](m map[K]R, keep func(R) bool, order func(a, b R) int) (out []R) {
	for row := range maps.Values(m) {
		if keep(row) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, order)
	return out
}

// oneKey draws few keys, some of which begin with others.
func oneKey(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "b", "ab", "a\x00", "a\xff", "abc", "\xff"}).Draw(rt, "key")
}

// oneValue draws bytes, as they are what a store could share with others by mistake.
func oneValue(rt *rapid.T) []byte {
	return fmt.Append(nil, rapid.IntRange(0, 1<<20).Draw(rt, "value"))
}

func everything[R any](R) bool { return true }
