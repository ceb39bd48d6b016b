package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// rowKeepers are steps that keep rows by the key of a stream.
var rowKeepers = map[string]func(*streams.Builder, *stream){
	"count":  func(_ *streams.Builder, s *stream) { s.GroupByKey().Count(tally) },
	"reduce": func(_ *streams.Builder, s *stream) { s.GroupByKey().Reduce(rows, concat) },
	"table":  func(_ *streams.Builder, s *stream) { s.ToTable(rows) },
	"versioned table": func(_ *streams.Builder, s *stream) {
		s.ToVersionedTable(state.NewVersioned("versions", serde.String, serde.String, time.Hour))
	},
	"windows": func(_ *streams.Builder, s *stream) { reduced(s.GroupByKey().WindowedBy(tumbling(10, 0))).Final() },
	"sliding windows": func(_ *streams.Builder, s *stream) {
		reduced(s.GroupByKey().WindowedBy(window.Sliding(ms(10))))
	},
	"sessions": func(_ *streams.Builder, s *stream) {
		s.GroupByKey().SessionsBy(window.Sessions(ms(10))).Reduce(visits, concat)
	},
	"deduplicate": func(_ *streams.Builder, s *stream) { streams.Deduplicate(s, first, time.Second, passed) },
	"cogroup": func(_ *streams.Builder, s *stream) {
		streams.NewCogroup(s.GroupByKey(), func() string { return "" },
			func(r record, row string) (optional, error) { return streams.Some(row + r.Value), nil }).Aggregate(rows)
	},
	"processor": func(_ *streams.Builder, s *stream) { streams.Process(s, newReader, rows) },
	"join": func(b *streams.Builder, s *stream) {
		table := streams.TableFrom(b, streams.NewTopic("third", serde.String, serde.String), rows)
		streams.Join(s, table, concat)
	},
	"join of streams": func(b *streams.Builder, s *stream) {
		third := streams.From(b, streams.NewTopic("third", serde.String, serde.String))
		streams.JoinStreams(s, third, window.Within(ms(10)),
			state.NewJoin("joined", serde.String, serde.String, serde.String), concat)
	},
}

// merging are ways in which the records of two topics become one stream.
var merging = map[string]func(*streams.Builder) *stream{
	"FromAll": func(b *streams.Builder) *stream { return streams.FromAll(b, in, other) },
	"Merge":   func(b *streams.Builder) *stream { return streams.From(b, in).Merge(streams.From(b, other)) },
	"FromPattern": func(b *streams.Builder) *stream {
		return streams.FromPattern(b, streams.NewTopicPattern("in|other", serde.String, serde.String))
	},
	"steps before and behind": func(b *streams.Builder) *stream {
		return streams.From(b, in).Filter(isA).Merge(streams.From(b, other).Peek(func(record) {})).FilterNot(isA)
	},
	"one of three": func(b *streams.Builder) *stream {
		return streams.From(b, in).Merge(streams.From(b, in).Filter(isA), streams.From(b, other))
	},
	"a repartition topic of another size": func(b *streams.Builder) *stream {
		streams.From(b, other).To(out)
		return streams.From(b, in).Merge(streams.From(b, in).Repartition(rekey.Partitions(5)))
	},
}

var differing = []testkit.Option{
	testkit.Partitions(2), testkit.PartitionsOf("in", 2), testkit.PartitionsOf("other", 5),
}

// TestRowsByKeyNeedTopicsOfOneSize: records of one key would lie in two tasks, and each would have a row of its own.
func TestRowsByKeyNeedTopicsOfOneSize(t *testing.T) {
	for what, keep := range rowKeepers {
		for how, merge := range merging {
			t.Run(what+" of "+how, func(t *testing.T) {
				b := streams.NewBuilder("app")
				keep(b, merge(b))
				topo := build(t, b)
				_, err := testkit.NewDriver(topo, differing...)
				var mismatch *streams.CopartitionError
				require.ErrorAs(t, err, &mismatch)
				require.Subset(t, mismatch.Counts, map[string]int32{"in": 2})
				require.Contains(t, err.Error(), "has 5")
				require.Contains(t, err.Error(), "in has 2")
				require.Contains(t, err.Error(), "through Repartition")
				require.Contains(t, mismatch.Site, "_test.go:")
			})
		}
	}
}

// TestStepsWithoutRowsTakeTopicsOfAnySize: no key has to meet another.
func TestStepsWithoutRowsTakeTopicsOfAnySize(t *testing.T) {
	for how, merge := range merging {
		t.Run(how, func(t *testing.T) {
			b := streams.NewBuilder("app")
			s := merge(b)
			streams.MapValues(s, func(v string) string { return v + "!" }).To(out)
			globals := streams.GlobalTableFrom(b, streams.NewTopic("third", serde.String, serde.String), rows)
			streams.JoinGlobal(s, globals, first, concat).To(out)
			drive(t, b, differing...)
		})
	}
}

// TestARepartitionBehindAMergeIsEnough, and one on one side takes the number of partitions of the other.
func TestARepartitionBehindAMergeIsEnough(t *testing.T) {
	for how, shuffle := range map[string]func(*streams.Builder) *stream{
		"behind": func(b *streams.Builder) *stream { return streams.FromAll(b, in, other).Repartition(rekey) },
		"smaller side": func(b *streams.Builder) *stream {
			return streams.From(b, in).Repartition(rekey).Merge(streams.From(b, other))
		},
		"larger side": func(b *streams.Builder) *stream {
			return streams.From(b, in).Merge(streams.From(b, other).Repartition(rekey))
		},
		"both sides": func(b *streams.Builder) *stream {
			second := streams.NewRepartition("second", serde.String, serde.String)
			return streams.From(b, in).Repartition(rekey).Merge(streams.From(b, other).Repartition(second))
		},
	} {
		t.Run(how, func(t *testing.T) {
			b := streams.NewBuilder("app")
			shuffle(b).GroupByKey().Count(tally)
			d := drive(t, b, differing...)
			for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
				testkit.Input(d, in).Pipe(key, "1", time.UnixMilli(1))
				testkit.Input(d, other).Pipe(key, "2", time.UnixMilli(2))
				n, _ := testkit.Get(d, tally, key)
				require.Equal(t, int64(2), n, key)
			}
		})
	}
}

// TestARepartitionTopicCannotMeetTwoSizes: joined with a table of two partitions and with one of five.
func TestARepartitionTopicCannotMeetTwoSizes(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, streams.NewTopic("third", serde.String, serde.String)).Repartition(rekey)
	streams.Join(s, streams.TableFrom(b, in, rows), concat)
	others := state.NewKeyValue("others", serde.String, serde.String)
	streams.Join(s, streams.TableFrom(b, other, others), concat)
	_, err := testkit.NewDriver(build(t, b), differing...)
	var mismatch *streams.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Contains(t, mismatch.Counts, "app-rekey-repartition")
}

// TestTopicsThatMeetAreSplitAlike, as far as the topology knows how they are split.
func TestTopicsThatMeetAreSplitAlike(t *testing.T) {
	toFirst := func(record, int32) []int32 { return []int32{0} }
	split := streams.NewRepartition("split", serde.String, serde.String).Partitioner(toFirst)
	again := streams.NewRepartition("again", serde.String, serde.String).Partitioner(toFirst)
	written := in.Partitioner(toFirst)
	for how, c := range map[string]struct {
		right bool
		steps func(*streams.Builder) *stream
	}{
		"function and hash": {false, func(b *streams.Builder) *stream {
			return streams.From(b, in).Repartition(split).Merge(streams.From(b, other).Repartition(rekey))
		}},
		"function and function": {true, func(b *streams.Builder) *stream {
			return streams.From(b, in).Repartition(split).Merge(streams.From(b, other).Repartition(again))
		}},
		"function and who knows": {true, func(b *streams.Builder) *stream {
			return streams.From(b, in).Repartition(split).Merge(streams.From(b, other))
		}},
		"written by a function": {false, func(b *streams.Builder) *stream {
			streams.From(b, other).To(written)
			return streams.From(b, in).Merge(streams.From(b, other).Repartition(rekey))
		}},
	} {
		t.Run(how, func(t *testing.T) {
			b := streams.NewBuilder("app")
			c.steps(b).GroupByKey().Count(tally)
			line := lineAbove()
			if c.right {
				build(t, b)
				return
			}
			text := mistakes(t, b)
			require.Contains(t, text, line)
			require.Contains(t, text, "must be split alike")
			require.NotContains(t, text, "\n")
		})
	}
}
