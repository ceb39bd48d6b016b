package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

var passed = state.NewWindow("passed", serde.String, serde.Bool)

// lastDigit is an id that several drawn values have; those that end in 9 have none.
func lastDigit(r record) (optional, error) {
	if r.NullValue || r.Value[len(r.Value)-1] == '9' {
		return streams.None[string](), nil
	}
	return streams.Some(string(r.Value[len(r.Value)-1] % 3)), nil
}

// dedupTwin remembers for ever what it has passed.
type dedupTwin struct {
	ledger
	within, time int64
	passed       map[string][]int64
}

func (w *dedupTwin) take(r record) []record {
	id, _ := lastDigit(r)
	if !id.OK {
		return []record{r}
	}
	w.time = max(w.time, r.Timestamp)
	if r.Timestamp < w.time-w.within {
		w.ledger[streams.DropLate]++
		return nil
	}
	for _, at := range w.passed[id.Value] {
		if max(at-r.Timestamp, r.Timestamp-at) <= w.within {
			return nil
		}
	}
	w.passed[id.Value] = append(w.passed[id.Value], r.Timestamp)
	return []record{r}
}

func TestDeduplicateFollowsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &dedupTwin{
			ledger: ledger{}, passed: map[string][]int64{}, within: rapid.Int64Range(1, 40).Draw(t, "within"),
		}
		store := passed
		if rapid.Bool().Draw(t, "in memory") {
			store = store.InMemory()
		}
		b := streams.NewBuilder("app")
		streams.DeduplicateRecord(streams.From(b, in), lastDigit, ms(w.within), store).To(out)
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// An older record of the same id is a copy, too, whichever came first; one that is too old to tell is late.
func TestCopiesComeInAnyOrder(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Deduplicate(streams.From(b, in), first, ms(10), passed).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 20), rec("k", "a older", 10), rec("k", "b", 10), rec("k", "c", 9),
		rec("k", "a edge", 30), rec("k", "a new", 31), nullValue("k", 0))
	require.Equal(t, []record{rec("k", "a", 20), rec("k", "b", 10), rec("k", "a new", 31), nullValue("k", 0)},
		testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

func TestIdsAreForgottenInTime(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Deduplicate(streams.From(b, in), first, ms(10), passed).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 0), rec("k", "b", 100), rec("k", "c", 121))
	require.Equal(t, []state.WindowRow[string, bool]{{Key: "c", Start: 121, Value: true, Timestamp: 121}},
		testkit.WindowRows(d, passed))
}

// Had the record that failed been remembered, the second try would be taken for a copy.
func TestARecordThatFailedWasNotPassed(t *testing.T) {
	b := streams.NewBuilder("app")
	unique := streams.Deduplicate(streams.From(b, in), first, time.Minute, passed)
	unique.To(out)
	unique.ForEach(failOn("a bad"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a bad", 1), rec("k", "a", 2), rec("k", "a copy", 3))
	require.Equal(t, []record{rec("k", "a", 2)}, testkit.Output(d, out).Read())
}

func TestEachPartitionHasItsIds(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Deduplicate(streams.From(b, in), first, time.Minute, passed).To(out)
	d := drive(t, b, testkit.Partitions(4))
	one, another := apart(t, d)
	pipe(d, rec(one, "id", 1), rec(another, "id", 2), rec(one, "id", 3))
	require.Equal(t, []record{rec(one, "id", 1), rec(another, "id", 2)}, testkit.Output(d, out).Read())
}
