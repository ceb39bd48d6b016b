package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestBuildRefusesWhatNoConstructorMade: the zero values of all that is declared, with settings and without.
func TestBuildRefusesWhatNoConstructorMade(t *testing.T) {
	noTable := &table{}
	for name, call := range map[string]func(*builder, *stream){
		"topic": func(b *builder, _ *stream) {
			streams.From(b, streams.Topic[string, string]{}.FromLatest())
		},
		"topic to write": func(_ *builder, s *stream) { s.To(streams.Topic[string, string]{}) },
		"global topic": func(b *builder, _ *stream) {
			streams.GlobalTableFrom(b, streams.Topic[string, string]{}, rows)
		},
		"pattern": func(b *builder, _ *stream) {
			streams.FromPattern(b, streams.TopicPattern[string, string]{})
		},
		"repartition": func(_ *builder, s *stream) {
			s.Repartition(streams.Repartition[string, string]{}.Partitions(2))
		},
		"table's store": func(_ *builder, s *stream) { s.ToTable(state.KeyValue[string, string]{}) },
		"mortal store": func(_ *builder, s *stream) {
			s.ToTable(state.KeyValue[string, string]{}.InMemory().TTL(time.Second))
		},
		"newest wins": func(_ *builder, s *stream) { s.ToTable(state.KeyValue[string, string]{}.NewestWins()) },
		"global store": func(b *builder, _ *stream) {
			streams.GlobalTableFrom(b, other, state.KeyValue[string, string]{})
		},
		"window store": func(_ *builder, s *stream) { byMinute(s).Reduce(state.Window[string, string]{}, concat) },
		"window store, kept": func(_ *builder, s *stream) {
			byMinute(s).Reduce(state.Window[string, string]{}.Retain(time.Hour).ByKey(), concat)
		},
		"session store": func(_ *builder, s *stream) {
			bySession(s).Reduce(state.Session[string, string]{}.NoChangelog(), concat)
		},
		"versioned store": func(_ *builder, s *stream) { s.ToVersionedTable(state.Versioned[string, string]{}) },
		"ids": func(_ *builder, s *stream) {
			streams.Deduplicate(s, first, time.Second, state.Window[string, bool]{})
		},
		"flights": func(_ *builder, s *stream) {
			streams.MapAsyncRecord(s, called, streams.Calls{}, state.InFlight[string, string]{})
		},
		"processor's store": func(_ *builder, s *stream) {
			streams.Process(s, newReader, state.Buffer[string, string]{}.ByTime().InMemory())
		},
		"held": func(b *builder, s *stream) {
			held := state.Buffer[string, string]{}.NoChangelog()
			streams.JoinWithGrace(s, versionsOf(b), streams.Left, time.Second, held,
				func(r record, row opt) (opt, error) { return row, nil })
		},
		"suppress": func(b *builder, _ *stream) {
			otherRows(b).Suppress(streams.HoldFor(time.Second), state.Suppress[string, string]{})
		},
		"join": func(b *builder, s *stream) {
			streams.JoinStreams(s, streams.From(b, other), withinTen, state.Join[string, string, string]{}, glue)
		},
		"foreign key": func(b *builder, _ *stream) {
			left, right := through3(b)
			via := streams.ForeignKey[string, string, string, string]{}.InMemory()
			streams.JoinForeignKey(left, right, via, sums, artistOf, glue)
		},
		"output": func(_ *builder, s *stream) {
			streams.SideOutput(streams.Process(s, newReader), streams.Output[string, string]{})
		},
		"windows": func(_ *builder, s *stream) { s.GroupByKey().WindowedBy(window.Windows{}).Reduce(texts, concat) },
		"sessions": func(_ *builder, s *stream) {
			s.GroupByKey().SessionsBy(window.Session{}).Reduce(visits, concat)
		},
		"table":       func(_ *builder, s *stream) { streams.Join(s, noTable, glue) },
		"right table": func(b *builder, _ *stream) { streams.TableJoin(otherRows(b), noTable, glue) },
		"table by key": func(b *builder, _ *stream) {
			streams.JoinForeignKey(otherRows(b), noTable, albumArtists, sums, artistOf, glue)
		},
		"global table": func(_ *builder, s *stream) {
			streams.JoinGlobal(s, &streams.GlobalTable[string, string]{}, first, glue)
		},
		"stream to join": func(_ *builder, s *stream) {
			streams.JoinStreams(s, &stream{}, withinTen, joinStores, glue)
		},
		"stream to merge": func(_ *builder, s *stream) { s.Merge(&stream{}) },
		"group": func(_ *builder, s *stream) {
			first := streams.NewCogroup(s.GroupByKey(), noText, sameRow)
			streams.CogroupAdd(first, &streams.Group[string, string]{}, sameRow).Aggregate(sums)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			call(b, streams.From(b, in))
			require.Contains(t, mistakes(t, b), "unmade_test.go:")
		})
	}
}

func called(_ context.Context, r record) (opt, error) { return streams.Some(r.Value), nil }
