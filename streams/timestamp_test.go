package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// early forwards the records of key "bad" a second before the epoch.
func early() textProcessor {
	return &forwarding{fn: func(r record) record {
		if r.Key == "bad" {
			r.Timestamp = -1000
		}
		return r
	}}
}

func TestARecordBeforeTheEpochIsRefusedWhereItIsForwarded(t *testing.T) {
	b := streams.NewBuilder("app")
	site := ""
	process := func(s *stream) *stream {
		out := streams.Process(s, early)
		site = lineAbove()
		return out
	}
	process(streams.From(b, in)).Repartition(rekey).GroupByKey().Count(tally).ToStream().To(counts)
	topo := build(t, b)

	d, err := testkit.NewDriver(topo)
	require.NoError(t, err)
	pipe(d, rec("bad", "v", 1))
	var failed *streams.ProcessError
	require.ErrorAs(t, d.Err(), &failed)
	require.Equal(t, "process-1", failed.Node)
	require.Equal(t, site, failed.Site)
	require.Equal(t, int64(0), failed.Offset)
	var at *graph.TimestampError
	require.ErrorAs(t, d.Err(), &at)
	require.Equal(t, int64(-1000), at.Timestamp)

	d = testkit.New(t, topo, testkit.Skip())
	pipe(d, rec("k", "v", 1), rec("bad", "v", 2), rec("k", "v", 3))
	d.Commit()
	require.Equal(t, map[string]int64{"k": 2}, testkit.Latest(testkit.Output(d, counts)))
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

func TestADeadLetterIsWrittenForARecordThatIsForwardedBeforeTheEpoch(t *testing.T) {
	dead := streams.NewTopic("dead", words.Key(), words.Value())
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), early).To(out)
	d := drive(t, b, testkit.DeadLetter("dead"))
	pipe(d, rec("bad", "v", 2))
	letters := testkit.Output(d, dead).Read()
	require.Len(t, letters, 1)
	require.Equal(t, int64(2), letters[0].Timestamp)
	require.Empty(t, testkit.Output(d, out).Read())
}

// shifted moves records back in time.
type shifted struct{}

func (p *shifted) Process(ctx *fixedContext, r fixedRecord) error {
	return ctx.Forward(r.WithTimestamp(r.Record().Timestamp - 10))
}

// reminding forwards from a punctuation, before the epoch.
type reminding struct{}

func (p *reminding) Init(ctx *textContext) error {
	ctx.Schedule(time.Millisecond, streams.StreamTime, func(now int64) error {
		return ctx.Forward(rec("k", "late", now-10))
	})
	return nil
}

func (p *reminding) Process(ctx *textContext, r record) error {
	return ctx.Forward(r)
}

func TestNoStepForwardsBeforeTheEpoch(t *testing.T) {
	for name, steps := range map[string]func(*stream) *stream{
		"ProcessValues": func(s *stream) *stream {
			return streams.ProcessValues(s, func() streams.FixedKeyProcessor[string, string, string] { return &shifted{} })
		},
		"punctuation": func(s *stream) *stream {
			return streams.Process(s, func() textProcessor { return &reminding{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			steps(streams.From(b, in)).Repartition(rekey).To(out)
			d, err := testkit.NewDriver(build(t, b))
			require.NoError(t, err)
			pipe(d, rec("k", "v", 5))
			var at *graph.TimestampError
			require.ErrorAs(t, d.Err(), &at)
			var failed *streams.ProcessError
			require.ErrorAs(t, d.Err(), &failed)
			require.Contains(t, failed.Node, "process")
		})
	}
}

// Map and FlatMap keep the time of their input, whatever the records that their functions make say.
func TestTimesOfMapsAreThoseOfTheirInput(t *testing.T) {
	got := through(t, func(s *stream) *stream {
		s = streams.Map(s, func(r record) (record, error) { return rec(r.Key, r.Value, -1), nil })
		return streams.FlatMap(s, func(r record, emit func(record) error) error { return emit(rec(r.Key, r.Value, -1)) })
	}, rec("k", "v", 5))
	require.Equal(t, []record{rec("k", "v", 5)}, got)
}
