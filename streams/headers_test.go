package streams_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

func header(name string) streams.Header { return streams.Header{Key: name, Value: []byte(name)} }

// roomy passes records on with spare capacity behind their headers.
func roomy() textProcessor {
	return &forwarding{fn: func(r record) record {
		r.Headers = append(make([]streams.Header, 0, 8), r.Headers...)
		return r
	}}
}

// tagging appends a header to each record.
func tagging(name string) func() textProcessor {
	return func() textProcessor {
		return &forwarding{fn: func(r record) record {
			r.Headers = append(r.Headers, header(name))
			return r
		}}
	}
}

func tagged(s *stream, name string) *stream { return streams.Process(s, tagging(name)) }

func TestSiblingsHaveHeadersOfTheirOwn(t *testing.T) {
	both := func(s *stream) *stream { return tagged(s, "one").Merge(tagged(s, "two")) }
	var kept []record // looked at when all is over
	keep := func(s *stream) *stream {
		return streams.Process(s, func() textProcessor {
			return &forwarding{fn: func(r record) record { kept = append(kept, r); return r }}
		})
	}
	for name, c := range map[string]struct {
		steps func(*stream) *stream
		want  [][]string // of the records that come out
	}{
		"behind a source": {both, [][]string{{"h", "one"}, {"h", "two"}}},
		"behind a step":   {func(s *stream) *stream { return both(streams.Process(s, roomy)) }, [][]string{{"h", "one"}, {"h", "two"}}},
		"behind a merge": {func(s *stream) *stream {
			return both(streams.Process(s, roomy).Merge(streams.Process(s, roomy)))
		}, [][]string{{"h", "one"}, {"h", "two"}, {"h", "one"}, {"h", "two"}}},
		"elements": {func(s *stream) *stream {
			elements := func(v string) []string { return []string{v, v} }
			return tagged(streams.FlatMapValues(streams.Process(s, roomy), elements), "one")
		}, [][]string{{"h", "one"}, {"h", "one"}}},
		"records of one": {func(s *stream) *stream {
			return tagged(streams.FlatMap(streams.Process(s, roomy), func(r record, emit func(record) error) error {
				for range 2 {
					if err := emit(r); err != nil {
						return err
					}
				}
				return nil
			}), "one")
		}, [][]string{{"h", "one"}, {"h", "one"}}},
	} {
		t.Run(name, func(t *testing.T) {
			kept = nil
			got := through(t, func(s *stream) *stream { return keep(c.steps(s)) }, withHeader(rec("k", "v", 1), "h"))
			require.Equal(t, c.want, headerNames(got...))
			require.Equal(t, c.want, headerNames(kept...), "nothing that came later changed what came before")
		})
	}
}

// A step that numbers the records it makes of one appends to the same headers again and again.
func TestAStepMayAppendToOneRecordsHeadersAgainAndAgain(t *testing.T) {
	got := through(t, func(s *stream) *stream {
		return streams.Process(streams.Process(s, roomy), func() textProcessor { return &twice{} })
	}, withHeader(rec("k", "v", 1), "h"))
	require.Equal(t, [][]string{{"h", "one"}, {"h", "two"}}, headerNames(got...))
}

type twice struct{}

func (p *twice) Process(ctx *textContext, r record) error {
	for _, name := range []string{"one", "two"} {
		out := r
		out.Headers = append(r.Headers, header(name))
		if err := ctx.Forward(out); err != nil {
			return err
		}
	}
	return nil
}

// headerNames are the names of the headers of records.
func headerNames(records ...record) (names [][]string) {
	for _, r := range records {
		var of []string
		for _, h := range r.Headers {
			of = append(of, h.Key)
		}
		names = append(names, of)
	}
	return names
}

func TestSiblingsHaveHeadersOfTheirOwnInAnApplication(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(func(b *streams.Builder) {
		s := streams.Process(streams.From(b, words), roomy)
		tagged(s, "one").Merge(tagged(s, "two")).To(streams.NewTopic("per-key", words.Key(), words.Value()))
	}, r.config(t.TempDir()))
	r.produce("words", "k", "v")
	var got []string
	for _, r := range r.read("per-key", 2) {
		for _, h := range r.Headers {
			got = append(got, h.Key)
		}
	}
	require.Equal(t, []string{"one", "two"}, slices.Sorted(slices.Values(got)))
	require.NoError(t, stop())
}
