package rows_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/store"
)

// numbers is a column of int64.
type numbers struct{ young, old, saved []int64 }

func (c *numbers) Grow() { c.young = append(c.young, make([]int64, rows.Chunk)...) }

func (c *numbers) Decode(id int, src []byte) error {
	c.young[id] = int64(binary.BigEndian.Uint64(src))
	return nil
}

func (c *numbers) Append(dst []byte, id int) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(c.young[id])), nil
}

func (c *numbers) Same(a, b []byte) bool { return string(a) == string(b) }
func (c *numbers) Clear(id int)          { c.young[id] = 0 }
func (c *numbers) Save(id int)           { c.saved = append(c.saved, c.young[id]) }
func (c *numbers) Forget()               { c.saved = c.saved[:0] }
func (c *numbers) Age()                  { c.old, c.young = c.young, nil }
func (c *numbers) Carry(from, to int)    { c.young[to] = c.old[from] }
func (c *numbers) DropOld()              { c.old = nil }

func (c *numbers) Back(id int) {
	last := len(c.saved) - 1
	c.young[id], c.saved = c.saved[last], c.saved[:last]
}

// row is one of the model.
type row struct{ value, timestamp int64 }

// changelog keeps what rows it says there are.
type changelog map[string]row

func (changelog) Room() []byte         { return nil }
func (changelog) Keep(b []byte) []byte { return b }

func (c changelog) Append(key, value []byte, timestamp int64) {
	if value == nil {
		delete(c, string(key))
		return
	}
	c[string(key)] = row{int64(binary.BigEndian.Uint64(value)), timestamp}
}

// subject is rows beside a model of them: present, as of the last mark, as of the last commit.
type subject struct {
	t      *testing.T
	rows   *rows.Rows
	column *numbers
	engine store.Engine
	log    changelog

	now, marked, committed map[string]row
}

const prefix = "p/"

func key(k string) []byte { return []byte(prefix + k) }

func newSubject(t *testing.T, budget int64) *subject {
	s := &subject{
		t: t, column: &numbers{}, engine: store.OpenMemory(), log: changelog{},
		now: map[string]row{}, marked: map[string]row{}, committed: map[string]row{},
	}
	s.open(budget)
	return s
}

func (s *subject) open(budget int64) {
	s.column = &numbers{}
	env := rows.Env{Engine: s.engine, Prefix: []byte(prefix), Budget: rows.NewBudget(budget)}
	s.rows = rows.New("numbers", env, s.column, (*int64)(nil))
}

func (s *subject) put(k string, r row) {
	id, err := s.rows.Begin(key(k))
	require.NoError(s.t, err)
	s.column.Save(id)
	s.column.young[id] = r.value
	s.rows.Wrote(id, r.timestamp, true)
	s.now[k] = r
}

func (s *subject) delete(k string, timestamp int64) {
	require.NoError(s.t, s.rows.Delete(key(k), timestamp))
	delete(s.now, k)
}

func (s *subject) mark() {
	s.rows.Mark()
	s.marked = maps.Clone(s.now)
}

func (s *subject) undo() {
	s.rows.Undo()
	s.now = maps.Clone(s.marked)
}

func (s *subject) commit() {
	b := s.engine.NewBatch()
	require.NoError(s.t, s.rows.Flush(b, s.log, func(dst, k []byte) []byte { return append(dst, k...) }))
	require.NoError(s.t, b.Commit())
	s.rows.Committed()
	s.committed = maps.Clone(s.now)
	s.mark()
	require.Equal(s.t, s.committed, map[string]row(s.log), "the changelog has the rows of the commit")
}

func (s *subject) abort() {
	s.rows.Abort()
	s.now = maps.Clone(s.committed)
	s.mark()
}

func (s *subject) get(k string) {
	id, at, ok, err := s.rows.Get(key(k))
	require.NoError(s.t, err)
	want, there := s.now[k]
	require.Equal(s.t, there, ok, k)
	if ok {
		require.Equal(s.t, want, row{s.column.young[id], at}, k)
	}
}

// walk compares a walk over some of the rows.
func (s *subject) walk(from, to string, reverse bool) {
	var got, want []string
	for _, k := range slices.Sorted(maps.Keys(s.now)) {
		if from <= k && k < to {
			want = append(want, fmt.Sprint(k, s.now[k]))
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	require.NoError(s.t, s.rows.Each(key(from), key(to), reverse, func(at *rows.At) (bool, error) {
		r := row{timestamp: at.Timestamp}
		if at.ID >= 0 {
			r.value = s.column.young[at.ID]
		} else {
			r.value = int64(binary.BigEndian.Uint64(at.Encoded))
		}
		got = append(got, fmt.Sprint(string(at.Key[len(prefix):]), r))
		return true, nil
	}))
	require.Equal(s.t, want, got)
}

// TestRowsFollowAMap through writes, walks, records that are taken back, commits, aborts and restarts, whatever fits
// into memory: the changelog and the database always have the rows of the last commit.
func TestRowsFollowAMap(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, budget := range []int64{1, 20_000, 1 << 30} {
		random := rand.New(rand.NewPCG(seed, 0))
		s := newSubject(t, budget)
		name := func() string { return fmt.Sprintf("%03d", random.IntN(700)) }
		for i := range 3_000 {
			switch n := random.IntN(100); {
			case n < 50:
				s.put(name(), row{random.Int64N(1000), int64(i)})
			case n < 65:
				s.delete(name(), int64(i))
			case n < 75:
				s.get(name())
			case n < 83:
				s.mark()
			case n < 88:
				s.undo()
			case n < 93:
				a, b := name(), name()
				s.walk(min(a, b), max(a, b), random.IntN(2) == 0)
			case n < 98:
				s.commit()
			case n == 98:
				s.abort()
			default:
				s.abort()
				s.open(budget)
			}
		}
		s.commit()
		s.open(budget)
		s.walk("", "999", false)
	}
}

// TestNothingIsDirtyAfterACommit: a second commit has nothing to write; one behind an undo neither.
func TestNothingIsDirtyAfterACommit(t *testing.T) {
	s := newSubject(t, 1<<20)
	s.put("a", row{1, 10})
	require.Positive(t, s.rows.Dirty())
	s.commit()
	require.Zero(t, s.rows.Dirty())
	s.put("a", row{2, 20})
	s.delete("b", 20)
	s.undo()
	require.Zero(t, s.rows.Dirty())
	s.get("a")
	clear(s.log)
	b := s.engine.NewBatch()
	require.NoError(t, s.rows.Flush(b, s.log, func(dst, k []byte) []byte { return append(dst, k...) }))
	require.Zero(t, b.Len())
	require.Empty(t, s.log)
}
