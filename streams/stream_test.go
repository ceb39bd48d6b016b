package streams_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func isA(v string) bool { return v == "a" }

func TestFilterLetsNullValuesPass(t *testing.T) {
	records := []record{rec("k", "a", 1), rec("k", "b", 2), rec("k", "", 3), nullValue("k", 4), nullKey("a", 5)}
	got := through(t, func(s *stream) *stream { return s.Filter(isA) }, records...)
	require.Equal(t, []record{records[0], records[3], records[4]}, got)

	got = through(t, func(s *stream) *stream { return s.FilterNot(isA) }, records...)
	require.Equal(t, []record{records[1], records[2], records[3]}, got)
}

func TestFilterRecordSeesNulls(t *testing.T) {
	null := func(r record) (bool, error) { return r.NullKey || r.NullValue, nil }
	records := []record{rec("k", "a", 1), nullValue("k", 2), nullKey("a", 3)}
	require.Equal(t, records[1:], through(t, func(s *stream) *stream { return s.FilterRecord(null) }, records...))
}

func TestPeekShowsAndPassesAndForEachEnds(t *testing.T) {
	records := []record{rec("k", "a", 1), nullValue("k", 2), nullKey("a", 3)}
	var peeked, ended []record
	b := streams.NewBuilder("app")
	s := streams.From(b, in).Peek(func(r record) { peeked = append(peeked, r) })
	s.To(out)
	s.ForEach(func(r record) error { ended = append(ended, r); return nil })
	d := drive(t, b)
	pipe(d, records...)
	require.Equal(t, records, testkit.Output(d, out).Read())
	require.Equal(t, records, peeked)
	require.Equal(t, records, ended)
}

func TestMergeIsAllRecordsInTheOrderOfProcessing(t *testing.T) {
	b := streams.NewBuilder("app")
	left, right := streams.From(b, in), streams.From(b, other)
	left.Merge(right, left.Filter(isA)).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1))
	testkit.Input(d, other).PipeRecord(rec("k", "b", 2))
	// The record comes by two ways: behind the filter, which is the older child of the source, and directly.
	require.Equal(t, []record{rec("k", "a", 1), rec("k", "a", 1), rec("k", "b", 2)}, testkit.Output(d, out).Read())
}

func has(text string) func(record) (bool, error) {
	return func(r record) (bool, error) { return strings.Contains(r.Value, text), nil }
}

func TestSplitTakesTheFirstBranchThatAccepts(t *testing.T) {
	b := streams.NewBuilder("app")
	branches, rest := streams.From(b, in).Split(has("a"), has("b"))
	suffix := func(s *stream, text string) *stream {
		return streams.MapValues(s, func(v string) string { return v + text })
	}
	suffix(branches[0], "/0").Merge(suffix(branches[1], "/1"), suffix(rest, "/rest")).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "ab", 1), rec("k", "b", 2), rec("k", "c", 3), nullValue("k", 4), nullKey("a", 5))
	require.Equal(t, []record{
		rec("k", "ab/0", 1), rec("k", "b/1", 2), rec("k", "c/rest", 3), nullValue("k", 4), nullKey("a/0", 5),
	}, testkit.Output(d, out).Read())
}

func TestSplitDropsTheRestUncounted(t *testing.T) {
	b := streams.NewBuilder("app")
	branches, _ := streams.From(b, in).Split(has("a"))
	branches[0].To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("k", "b", 2))
	require.Len(t, testkit.Output(d, out).Read(), 1)
	require.Empty(t, d.Dropped())
}

func TestStatelessStepsKeepTimestampAndHeaders(t *testing.T) {
	r := withHeader(rec("k", "a", 7), "h")
	got := through(t, func(s *stream) *stream {
		s = streams.MapValues(s.Filter(isA), strings.ToUpper)
		s = streams.FlatMapValues(s, func(v string) []string { return []string{v} })
		s = streams.SelectKey(s, func(v string) string { return v })
		s = streams.Map(s, func(r record) (record, error) {
			return record{Key: r.Key, Value: r.Value, Timestamp: 99}, nil
		})
		return streams.FlatMap(s, func(r record, emit func(record) error) error {
			return emit(record{Key: "k", Value: "a", Timestamp: 99})
		})
	}, r)
	require.Equal(t, []record{r}, got)
}

func TestRecordsGoDepthFirstInTheOrderOfDeclaration(t *testing.T) {
	var order []string
	note := func(name string) func(record) {
		return func(r record) { order = append(order, name+r.Value) }
	}
	b := streams.NewBuilder("app")
	words := streams.FlatMapValues(streams.From(b, in), strings.Fields)
	words.Peek(note("first:")).Peek(note("behind:"))
	words.Peek(note("second:"))
	pipe(drive(t, b), rec("k", "x y", 1))
	require.Equal(t, []string{
		"first:x", "behind:x", "second:x", "first:y", "behind:y", "second:y",
	}, order)
}

// failOn is a step that fails for one value, behind or beside steps that have had their effect by then.
func failOn(value string) func(record) error {
	return func(r record) error {
		if r.Value == value {
			return errors.New("no " + value)
		}
		return nil
	}
}

func TestAnErrorTakesTheWholeRecordBack(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	s.To(out)
	s.GroupByKey().Count(tally)
	s.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "ok", 1), rec("k", "bad", 2), rec("k", "ok", 3))
	require.Equal(t, []record{rec("k", "ok", 1), rec("k", "ok", 3)}, testkit.Output(d, out).Read())
	n, _ := testkit.Get(d, tally, "k")
	require.Equal(t, int64(2), n)
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

func TestEveryRecordFormMayFail(t *testing.T) {
	bad := errors.New("bad")
	type failing = func(*stream)
	for name, add := range map[string]failing{
		"filter":  func(s *stream) { s.FilterRecord(func(record) (bool, error) { return true, bad }).To(out) },
		"foreach": func(s *stream) { s.ForEach(func(record) error { return bad }) },
		"map":     func(s *stream) { streams.Map(s, func(r record) (record, error) { return r, bad }).To(out) },
		"flatmap": func(s *stream) {
			streams.FlatMap(s, func(record, func(record) error) error { return bad }).To(out)
		},
		"split":         func(s *stream) { s.Split(func(record) (bool, error) { return true, bad }) },
		"mapvalues":     func(s *stream) { streams.MapValuesRecord(s, failText(bad)).To(out) },
		"selectkey":     func(s *stream) { streams.SelectKeyRecord(s, failText(bad)).To(out) },
		"groupby":       func(s *stream) { streams.GroupByRecord(s, failText(bad), rekey).Count(tally) },
		"flatmapvalues": func(s *stream) { streams.FlatMapValuesRecord(s, failEmit(bad)).To(out) },
		"table": func(s *stream) {
			streams.TableMapValuesRecord(s.ToTable(rows), failText(bad)).ToStream().To(out)
		},
		"aggregate": func(s *stream) { streams.AggregateRecord(s.GroupByKey(), rows, empty, failFold(bad)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			add(streams.From(b, in))
			d, err := testkit.NewDriver(build(t, b))
			require.NoError(t, err)
			defer d.Close()
			pipe(d, rec("k", "v", 1))
			require.ErrorIs(t, d.Err(), bad)
			var failed *streams.ProcessError
			require.ErrorAs(t, d.Err(), &failed)
			require.Contains(t, failed.Site, "stream_test.go")
			require.Empty(t, testkit.Output(d, out).Read())
		})
	}
}

func empty() string { return "" }

func failText(err error) func(record) (streams.Optional[string], error) {
	return func(record) (streams.Optional[string], error) { return streams.Some("x"), err }
}

func failEmit(err error) func(record, func(streams.Optional[string]) error) error {
	return func(_ record, emit func(streams.Optional[string]) error) error {
		return errors.Join(emit(streams.Some("x")), err)
	}
}

func failFold(err error) func(record, string) (streams.Optional[string], error) {
	return func(record, string) (streams.Optional[string], error) { return streams.Some("x"), err }
}
