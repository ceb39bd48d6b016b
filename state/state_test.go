package state_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

var numbers = state.NewKeyValue("numbers", serde.String, serde.Int64)

type value struct{ number, timestamp int64 }

// kvModel is a key-value store as maps: as it is, as it was at the mark, and as it was committed.
type kvModel struct {
	now, marked, committed map[string]value
}

func (m *kvModel) mark() { m.marked = maps.Clone(m.now) }

// TestKeyValueModel compares a store with a map, through commits, aborts, undone records, cache rotations and restores.
func TestKeyValueModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarness(rt, storage.Of(numbers), rapid.SampledFrom([]int64{0, 20_000, 1 << 30}).Draw(rt, "cache"))
		m := &kvModel{now: map[string]value{}, marked: map[string]value{}, committed: map[string]value{}}
		key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "key")) })
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			kvStep(rt, h, m, key)
			compareKV(rt, h, m.now, key.Draw(rt, "probe"))
		}
	})
}

func kvStep(rt *rapid.T, h *harness, m *kvModel, key *rapid.Generator[string]) {
	s := numbers.In(h)
	switch rapid.SampledFrom([]string{"put", "put", "put", "delete", "mark", "undo", "commit", "abort", "lose", "fill"}).Draw(rt, "step") {
	case "put":
		k, v := key.Draw(rt, "k"), value{rapid.Int64().Draw(rt, "v"), rapid.Int64Range(0, 100).Draw(rt, "ts")}
		require.NoError(rt, s.Put(k, v.number, v.timestamp))
		m.now[k] = v
	case "delete":
		k := key.Draw(rt, "k")
		require.NoError(rt, s.Delete(k, 1))
		delete(m.now, k)
	case "mark":
		h.open.Mark()
		m.mark()
	case "undo":
		h.open.Undo()
		m.now = maps.Clone(m.marked)
	case "commit":
		h.commit()
		m.mark()
		m.committed = maps.Clone(m.now)
	case "abort":
		h.open.Abort()
		m.now = maps.Clone(m.committed)
		m.mark()
	case "lose":
		h.lose()
		m.now = maps.Clone(m.committed)
		m.mark()
	case "fill": // reads that rotate a small cache
		for i := range 600 {
			_, _, err := s.Get(fmt.Sprint("absent", i))
			require.NoError(rt, err)
		}
	}
}

func compareKV(rt *rapid.T, h *harness, want map[string]value, probe string) {
	s := numbers.In(h)
	row, ok, err := s.Row(probe)
	require.NoError(rt, err)
	known, there := want[probe]
	require.Equal(rt, there, ok, "row %s", probe)
	require.Equal(rt, known, value{row.Value, row.Timestamp})
	forward, reverse := []string{}, []string{}
	for row, err := range s.All() {
		require.NoError(rt, err)
		require.Equal(rt, want[row.Key], value{row.Value, row.Timestamp})
		forward = append(forward, row.Key)
	}
	for row, err := range s.Reverse() {
		require.NoError(rt, err)
		reverse = append(reverse, row.Key)
	}
	require.Equal(rt, append([]string{}, slices.Sorted(maps.Keys(want))...), forward)
	slices.Reverse(reverse)
	require.Equal(rt, forward, reverse)
}

// TestScanIsLive writes while it walks: the walk shows each row as it is when it gets there, whether or not it was
// committed before.
func TestScanIsLive(t *testing.T) {
	for _, committed := range []bool{false, true} {
		h := newHarness(t, storage.Of(numbers), 1<<20)
		s := numbers.In(h)
		for _, k := range []string{"a", "b", "c", "e"} {
			require.NoError(t, s.Put(k, 1, 1))
		}
		if committed {
			h.commit()
		}
		var seen []string
		for row, err := range s.All() {
			require.NoError(t, err)
			seen = append(seen, fmt.Sprint(row.Key, row.Value))
			if row.Key == "a" {
				require.NoError(t, s.Delete("a", 2))
				require.NoError(t, s.Delete("b", 2))
				require.NoError(t, s.Put("c", 2, 2))
				require.NoError(t, s.Put("d", 2, 2))
				require.NoError(t, s.Put("0", 2, 2)) // behind the walk
			}
		}
		require.Equal(t, []string{"a1", "c2", "d2", "e1"}, seen, "committed: %v", committed)
	}
}

func TestRangeIncludesBothEnds(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<20)
	s := numbers.In(h)
	for i, k := range []string{"a", "b", "bb", "c", "cc"} {
		require.NoError(t, s.Put(k, int64(i), 1))
		if i == 2 {
			h.commit()
		}
	}
	var keys []string
	for row, err := range s.Range("b", "c") {
		require.NoError(t, err)
		keys = append(keys, row.Key)
	}
	require.Equal(t, []string{"b", "bb", "c"}, keys)
}

var visits = state.NewWindow("visits", serde.String, serde.Int64).Retain(100 * time.Millisecond)

// TestWindowModel compares a window store with a map: what has expired shows nowhere, whatever was committed, restored
// or removed.
func TestWindowModel(t *testing.T) {
	type at struct {
		key   string
		start int64
	}
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarness(rt, storage.Of(visits), rapid.SampledFrom([]int64{0, 1 << 30}).Draw(rt, "cache"))
		model, now := map[at]int64{}, int64(-1)
		key := rapid.SampledFrom([]string{"", "a", "b", "ab"})
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			s := visits.In(h)
			switch rapid.SampledFrom([]string{"put", "put", "put", "delete", "observe", "commit", "lose"}).Draw(rt, "step") {
			case "put":
				p := at{key.Draw(rt, "k"), max(0, now+rapid.Int64Range(-150, 60).Draw(rt, "start"))}
				require.NoError(rt, s.Put(p.key, p.start, p.start*2, p.start))
				now = max(now, p.start)
				model[p] = p.start * 2
			case "delete":
				p := at{key.Draw(rt, "k"), max(0, now-rapid.Int64Range(0, 30).Draw(rt, "start"))}
				require.NoError(rt, s.Delete(p.key, p.start, p.start))
				delete(model, p)
			case "observe":
				now += rapid.Int64Range(0, 200).Draw(rt, "by")
				s.Observe(now)
			case "commit":
				h.commit()
			case "lose":
				h.commit()
				h.lose()
			}
			maps.DeleteFunc(model, func(p at, _ int64) bool { return p.start < now-100 })

			s = visits.In(h)
			want := slices.SortedFunc(maps.Keys(model), func(x, y at) int {
				return bytes.Compare(
					append(binary.BigEndian.AppendUint64(nil, uint64(x.start)), x.key...),
					append(binary.BigEndian.AppendUint64(nil, uint64(y.start)), y.key...))
			})
			got := []at{}
			for row, err := range s.Between(0, 1<<62) {
				require.NoError(rt, err)
				require.Equal(rt, model[at{row.Key, row.Start}], row.Value)
				got = append(got, at{row.Key, row.Start})
			}
			require.Equal(rt, append([]at{}, want...), got)

			k, from := key.Draw(rt, "fetch"), now-rapid.Int64Range(0, 120).Draw(rt, "from")
			want = slices.DeleteFunc(want, func(p at) bool { return p.key != k || p.start < from || p.start > now-10 })
			got = []at{}
			for row, err := range s.Fetch(k, from, now-10) {
				require.NoError(rt, err)
				got = append(got, at{row.Key, row.Start})
			}
			require.Equal(rt, append([]at{}, want...), got)
		}
	})
}

func TestUndoTakesBackTheTime(t *testing.T) {
	h := newHarness(t, storage.Of(visits), 1<<20)
	s := visits.In(h)
	require.NoError(t, s.Put("a", 10, 1, 10))
	h.open.Mark()
	s.Observe(1000)
	h.open.Undo()
	at, ok := s.Time()
	require.True(t, ok)
	require.Equal(t, int64(10), at)
	_, ok, err := s.Get("a", 10)
	require.NoError(t, err)
	require.True(t, ok)
}

// TestExpiredRowsLeaveTheDatabase finds the range deletion.
func TestExpiredRowsLeaveTheDatabase(t *testing.T) {
	h := newHarness(t, storage.Of(visits), 1<<20)
	s := visits.In(h)
	for i := range int64(50) {
		require.NoError(t, s.Put("a", i*20, 1, 1))
		h.commit()
	}
	it, err := h.engine.Scan(nil, nil, false)
	require.NoError(t, err)
	rows := 0
	for it.Next() {
		rows++
	}
	require.NoError(t, it.Close())
	require.Less(t, rows, 10)
}

// TestChangelogBytes pins the bytes that Java services share.
func TestChangelogBytes(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<20)
	require.NoError(t, numbers.In(h).Put("alice", 42, 61000))
	require.NoError(t, numbers.In(h).Put("bob", 1, 5))
	h.commit()
	require.NoError(t, numbers.In(h).Delete("bob", 6))
	h.commit()
	require.Equal(t, []logged{
		{[]byte("alice"), []byte{0, 0, 0, 0, 0, 0, 0, 42}, 61000},
		{[]byte("bob"), []byte{0, 0, 0, 0, 0, 0, 0, 1}, 5},
		{[]byte("bob"), nil, 6},
	}, h.log.records)

	h = newHarness(t, storage.Of(visits), 1<<20)
	require.NoError(t, visits.In(h).Put("alice", 60000, 42, 61000))
	h.commit()
	require.Equal(t, "616c696365000000000000ea6000000000", fmt.Sprintf("%x", h.log.records[0].key), "key, start, sequence 0")
	require.Equal(t, int64(61000), h.log.records[0].timestamp)
}

// TestOneRecordPerKeyAndCommit: updates of a row between two commits are one changelog record.
func TestOneRecordPerKeyAndCommit(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<20)
	for i := range int64(10) {
		require.NoError(t, numbers.In(h).Put("a", i, i))
	}
	h.commit()
	h.commit()
	require.Len(t, h.log.records, 1)
	require.Equal(t, int64(9), h.log.records[0].timestamp)
}

func TestBytesAreCopied(t *testing.T) {
	spec := state.NewKeyValue("bytes", serde.Bytes, serde.Bytes)
	h := newHarness(t, storage.Of(spec), 1<<20)
	v := []byte("value")
	require.NoError(t, spec.In(h).Put([]byte("k"), v, 1))
	copy(v, "xxxxx")
	got, _, err := spec.In(h).Get([]byte("k"))
	require.NoError(t, err)
	require.Equal(t, "value", string(got))
}

func TestWrongTypesPanicWithTheReason(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<20)
	require.PanicsWithValue(t, "state: store numbers is open as *state.keyValueStore[string,int64], asked for as "+
		"state.KeyValueStore[string,string]: declare it once and use that value", func() {
		state.NewKeyValue("numbers", serde.String, serde.String).In(h)
	})
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	h := newHarness(t, storage.Of(numbers), 1<<30)
	s := numbers.In(h)
	require.NoError(t, s.Put("key", 1, 1))
	allocs := testing.AllocsPerRun(1000, func() {
		h.open.Mark()
		n, _, _ := s.Get("key")
		s.Put("key", n+1, 1)
	})
	require.Zero(t, allocs)
}

func BenchmarkUpdate(b *testing.B) {
	spec := state.NewKeyValue("counts", serde.Bytes, serde.Int64)
	h := newHarness(b, storage.Of(spec), 1<<40)
	s := spec.In(h)
	key := make([]byte, 8)
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(key, uint64(i)*0x9e3779b97f4a7c15%1_000_000)
		h.open.Mark()
		n, _, _ := s.Get(key)
		s.Put(key, n+1, 1)
	}
	b.ReportMetric(float64(h.budget.Used())/float64(min(b.N, 1_000_000)), "B/row")
}
