package statetest

import (
	"cmp"
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

type unmatchedRow = storage.UnmatchedRow[string, []byte, []byte]

type unmatchedAt struct {
	key  string
	time int64
	left bool
}

// unmatchedTwin is a store of unmatched records as a map.
type unmatchedTwin struct {
	rows map[unmatchedAt]unmatchedRow
}

var unmatched = unmatchedOf("unmatched", serde.String, serde.Bytes, serde.Bytes)

// unmatchedOf is the store of an outer join.
func unmatchedOf[K, L, R any](
	name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R],
) storage.Unmatched[K, L, R] {
	_, _, rest := state.NewJoin(name, key, left, right).Stores(storage.Joining{LeftAlone: true, RightAlone: true})
	return rest.Unmatched
}

func runUnmatched(t *testing.T, open opener) {
	checkModel(t, open, storage.Of(unmatched), func() *unmatchedTwin {
		return &unmatchedTwin{map[unmatchedAt]unmatchedRow{}}
	})
}

func (m *unmatchedTwin) clone() *unmatchedTwin { return &unmatchedTwin{maps.Clone(m.rows)} }

func byDue(a, b unmatchedRow) int {
	side := func(r unmatchedRow) int {
		if r.IsLeft {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(side(a), side(b)), strings.Compare(a.Key, b.Key))
}

func (m *unmatchedTwin) due(left, right int64) []unmatchedRow {
	return sorted(m.rows, func(r unmatchedRow) bool {
		return r.IsLeft && r.Timestamp < left || !r.IsLeft && r.Timestamp < right
	}, byDue)
}

func (m *unmatchedTwin) touch(rt *rapid.T, h *harness) {
	for i := range 600 {
		require.NoError(rt, unmatched.In(h).Remove("absent", int64(i), true))
	}
}

func (m *unmatchedTwin) at(rt *rapid.T) int64 { return rapid.Int64Range(0, 20).Draw(rt, "at") }

func (m *unmatchedTwin) put(rt *rapid.T, h *harness) {
	at := unmatchedAt{oneKey(rt), m.at(rt), rapid.Bool().Draw(rt, "left")}
	value := oneValue(rt)
	given := slices.Clone(value)
	row := m.rows[at]
	row.Key, row.Timestamp, row.IsLeft = at.key, at.time, at.left
	if at.left {
		require.NoError(rt, unmatched.In(h).PutLeft(at.key, given, at.time))
		row.Left = append(slices.Clone(row.Left), value)
	} else {
		require.NoError(rt, unmatched.In(h).PutRight(at.key, given, at.time))
		row.Right = append(slices.Clone(row.Right), value)
	}
	given[0] = 'x'
	m.rows[at] = row
}

func (m *unmatchedTwin) remove(rt *rapid.T, h *harness, at unmatchedAt) {
	require.NoError(rt, unmatched.In(h).Remove(at.key, at.time, at.left))
	delete(m.rows, at)
}

// one is a row that is there, if there is any.
func (m *unmatchedTwin) one(rt *rapid.T) (at unmatchedAt) {
	if rows := m.due(math.MaxInt64, math.MaxInt64); len(rows) > 0 {
		row := rapid.SampledFrom(rows).Draw(rt, "row")
		at = unmatchedAt{row.Key, row.Timestamp, row.IsLeft}
	}
	return at
}

func (m *unmatchedTwin) actions(h *harness) map[string]func(*rapid.T) {
	s := unmatched.In(h)
	return map[string]func(*rapid.T){
		"put":      func(rt *rapid.T) { m.put(rt, h) },
		"put more": func(rt *rapid.T) { m.put(rt, h) },
		"remove":   func(rt *rapid.T) { m.remove(rt, h, m.one(rt)) },
		"due": func(rt *rapid.T) {
			left, right := m.at(rt), m.at(rt)
			live(rt, s.Due(left, right), func() []unmatchedRow { return m.due(left, right) }, byDue, func(shown unmatchedRow) {
				switch rapid.IntRange(0, 4).Draw(rt, "on the way") {
				case 0, 1, 2:
					m.remove(rt, h, unmatchedAt{shown.Key, shown.Timestamp, shown.IsLeft})
				case 3:
					m.remove(rt, h, m.one(rt))
				}
			})
		},
	}
}

func (m *unmatchedTwin) check(rt *rapid.T, h *harness) {
	s := unmatched.In(h)
	left, right := m.at(rt), m.at(rt)
	requireRows(rt, m.due(left, right), s.Due(left, right), nil, "left before %d, right before %d", left, right)
	requireRows(rt, m.due(math.MaxInt64, math.MaxInt64), s.Due(math.MaxInt64, math.MaxInt64), nil)
}
