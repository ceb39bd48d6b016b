package streams_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

func TestAFinalResultComesWhenStreamTimeReachesTheClose(t *testing.T) {
	d := windowDriver(t, tumbling(10, 5), reduced, finals)
	final := testkit.Output(d, out)
	pipe(d, rec("k", "a", 1), rec("k", "b", 12), rec("k", "c", 4), rec("k", "d", 14))
	require.Empty(t, final.Read())
	pipe(d, rec("other", "x", 15))
	require.Equal(t, []record{rec("k@[0,10)", "a+c", 4)}, final.Read())
	pipe(d, rec("k", "late", 5), rec("other", "x", 15), rec("other", "x", 16))
	require.Empty(t, final.Read())
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

// Kafka Streams loses a window whose successor is so far away that the store expires it first (its emit on window
// close).
func TestAFinalResultOutlivesAnyJumpOfStreamTime(t *testing.T) {
	for _, jump := range []int64{10, 11, 19, 20, 21, 25, 26, 1_000, 1 << 40} {
		for _, grace := range []int64{0, 5} {
			got, _ := windowed(t, tumbling(10, grace), reduced, finals,
				rec("k", "a", 1), rec("k", "b", 1+jump), rec("k", "end", 1<<50))
			start := (1 + jump) / 10 * 10
			require.Equal(t, []record{
				rec("k@[0,10)", "a", 1), rec(fmt.Sprintf("k@[%d,%d)", start, start+10), "b", 1+jump),
			}, got, "jump %d grace %d", jump, grace)
		}
	}
}

func TestWindowsThatCloseTogetherComeByEndThenKey(t *testing.T) {
	got, _ := windowed(t, window.Hopping(ms(10), ms(5)), reduced, finals,
		rec("b", "1", 6), rec("a", "2", 6), rec("c", "3", 2), rec("", "4", 12), rec("z", "end", 100))
	require.Equal(t, []record{
		rec("a@[0,10)", "2", 6), rec("b@[0,10)", "1", 6), rec("c@[0,10)", "3", 2),
		rec("@[5,15)", "4", 12), rec("a@[5,15)", "2", 6), rec("b@[5,15)", "1", 6), rec("@[10,20)", "4", 12),
	}, got)
}

func TestFinalResultsHaveNoHeaders(t *testing.T) {
	got, _ := windowed(t, tumbling(10, 0), reduced, finals,
		withHeader(rec("k", "a", 1), "own"), withHeader(rec("l", "b", 10), "others"))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, got)
}

func TestWhatMovesStreamTimeClosesWindows(t *testing.T) {
	got, _ := windowed(t, tumbling(10, 0), reduced, finals, rec("k", "a", 1), nullKey("x", 100))
	require.Empty(t, got, "a null key does not")
	got, _ = windowed(t, tumbling(10, 0), reduced, finals, rec("k", "a", 1), nullValue("l", 10))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, got, "a null value does")
}

// The record that closes a window fails behind the final result: all it did is taken back, and the next one closes the
// window.
func TestARecordThatFailsHasClosedNothing(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	streams.ResultsBy(reduced(s.GroupByKey().WindowedBy(tumbling(10, 0))).Final(), windowText).To(out)
	s.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip())
	final := testkit.Output(d, out)
	pipe(d, rec("k", "a", 1), rec("l", "bad", 10))
	require.Empty(t, final.Read())
	pipe(d, rec("k", "b", 9))
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped(), "stream time is taken back too: 9 is not late")
	pipe(d, rec("l", "ok", 10))
	require.Equal(t, []record{rec("k@[0,10)", "a+b", 9)}, final.Read())
}

func TestAFailingConsumerOfFinalsLosesNone(t *testing.T) {
	fail := true
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0)))
	streams.ResultsBy(table.Final(), windowText).FilterRecord(func(r record) (bool, error) {
		if fail && r.Key == "l@[0,10)" {
			return false, errors.New("not now")
		}
		return true, nil
	}).To(out)
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("l", "b", 2), rec("k", "c", 10))
	final := testkit.Output(d, out)
	require.Empty(t, final.Read(), "k's result had been sent, and is taken back")
	fail = false
	pipe(d, rec("k", "d", 20))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1), rec("l@[0,10)", "b", 2)}, final.Read())
}

// accident is what befalls the process between two records.
type accident func(*testkit.Driver)

var accidents = map[string]accident{
	"restart":    (*testkit.Driver).Restart,
	"lost state": (*testkit.Driver).LoseState,
	"crash before a commit": func(d *testkit.Driver) {
		d.Crash(testkit.BeforeCommit)
	},
	"crash in a commit":     func(d *testkit.Driver) { d.Crash(testkit.DuringCommit) },
	"crash behind a commit": func(d *testkit.Driver) { d.Crash(testkit.AfterCommit) },
}

func TestFinalsComeOnceAcrossAccidents(t *testing.T) {
	for name, happen := range accidents {
		for when := range 6 {
			d := windowDriver(t, tumbling(10, 5), reduced, finals, testkit.CommitEvery(0))
			for i, r := range []record{
				rec("k", "a", 1), rec("k", "b", 12), rec("k", "c", 15), rec("l", "late", 3), rec("k", "d", 60),
				rec("k", "e", 99),
			} {
				pipe(d, r)
				if i == when {
					happen(d)
				}
			}
			d.Commit()
			require.Equal(t, []record{
				rec("k@[0,10)", "a", 1), rec("k@[10,20)", "b+c", 15), rec("k@[60,70)", "d", 60),
			}, testkit.Output(d, out).Read(), "%s behind record %d", name, when)
			require.LessOrEqual(t, int64(1), d.Dropped()[streams.DropLate], "the late record stays late")
		}
	}
}

// TestFinalsAgainstAModel feeds random records, in random disorder and with random jumps and accidents, and compares
// every final with what a slow model says.
func TestFinalsAgainstAModel(t *testing.T) {
	for range 300 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			finalsAgainstModel(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func finalsAgainstModel(t *testing.T, rng *rand.Rand) {
	size := 1 + rng.Int64N(20)
	w := window.Hopping(ms(size), ms(1+rng.Int64N(size))).Grace(ms(rng.Int64N(15)))
	d := windowDriver(t, w, reduced, finals, testkit.CommitEvery(rng.IntN(4)))
	m := model{windows: windows.Of(windows.Sealed(w)).(windows.Time), streamTime: -1, rows: map[openWindow]record{}}
	kinds := sortedKeys(accidents)
	var now int64
	for i := range 60 {
		r := rec(string(rune('a'+rng.IntN(3))), fmt.Sprint(i), max(0, now+rng.Int64N(40)-25))
		if rng.IntN(12) == 0 {
			r.Timestamp += rng.Int64N(500)
		}
		now = max(now, r.Timestamp)
		pipe(d, r)
		m.take(r)
		if rng.IntN(15) == 0 {
			accidents[kinds[rng.IntN(len(kinds))]](d)
		}
	}
	d.Commit()
	require.Equal(t, m.finals, testkit.Output(d, out).Read(), "windows %v", w)
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// model finds windows by trying them all.
type model struct {
	windows    windows.Time
	streamTime int64
	rows       map[openWindow]record
	finals     []record
}

type openWindow struct {
	start int64
	key   string
}

func (m *model) take(r record) {
	m.streamTime = max(m.streamTime, r.Timestamp)
	m.close()
	for start := int64(0); start <= r.Timestamp; start += m.windows.Advance() {
		if r.Timestamp >= start+m.windows.Size() || m.closed(start) {
			continue
		}
		at := openWindow{start, r.Key}
		row, ok := m.rows[at]
		if !ok {
			key := window.Windowed[string]{Key: r.Key, Window: m.windows.Window(start)}
			row = rec(windowText(key), r.Value, r.Timestamp)
		} else {
			row.Value, row.Timestamp = concat(row.Value, r.Value), max(row.Timestamp, r.Timestamp)
		}
		m.rows[at] = row
	}
}

func (m *model) closed(start int64) bool {
	return start+m.windows.Size()+m.windows.GracePeriod() <= m.streamTime
}

func (m *model) close() {
	var due []openWindow
	for at := range m.rows {
		if m.closed(at.start) {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, func(a, b openWindow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
	})
	for _, at := range due {
		m.finals = append(m.finals, m.rows[at])
		delete(m.rows, at)
	}
}
