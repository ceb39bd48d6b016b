package streams_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func same(r record) (record, error) { return r, nil }

func sameKey(r record) (streams.Optional[string], error) { return streams.Some(r.Key), nil }

// passOn is a processor that does nothing.
type passOn struct{}

func (p *passOn) Process(ctx *textContext, r record) error { return ctx.Forward(r) }

func newPassOn() streams.Processor[string, string, string, string] { return &passOn{} }

// passValue is the same with a fixed key.
type passValue struct{}

func (p *passValue) Process(ctx *fixedContext, r fixedRecord) error {
	return ctx.Forward(r)
}

func newPassValue() streams.FixedKeyProcessor[string, string, string] { return &passValue{} }

var minutes = state.NewWindow("minutes", serde.String, serde.Int64)

// changers are the steps that may change the key.
var changers = map[string]func(*stream) *stream{
	"Map":             func(s *stream) *stream { return streams.Map(s, same) },
	"SelectKey":       func(s *stream) *stream { return streams.SelectKey(s, first) },
	"SelectKeyRecord": func(s *stream) *stream { return streams.SelectKeyRecord(s, sameKey) },
	"FlatMap": func(s *stream) *stream {
		return streams.FlatMap(s, func(r record, emit func(record) error) error { return emit(r) })
	},
	"Process": func(s *stream) *stream { return streams.Process(s, newPassOn) },
	"ToStreamKey": func(s *stream) *stream {
		return streams.ToStreamKey(s.ToTable(state.NewKeyValue("other-rows", serde.String, serde.String)), sameKey)
	},
	"Results": func(s *stream) *stream {
		sums := s.GroupByKey().WindowedBy(window.Tumbling(1e9)).Count(minutes)
		key := func(w window.Windowed[string]) string { return w.Key }
		text := streams.WindowedMapValues(sums, func(int64) string { return "" })
		return streams.ResultsBy(text.Updates(), key)
	},
	"Merge":  func(s *stream) *stream { return s.Merge(streams.Map(s, same)) },
	"Filter": func(s *stream) *stream { return streams.Map(s, same).Filter(isA) },
	"Split":  func(s *stream) *stream { _, rest := streams.Map(s, same).Split(has("a")); return rest },
}

// keepers are the steps that leave it.
var keepers = map[string]func(*stream) *stream{
	"Filter":          func(s *stream) *stream { return s.Filter(isA) },
	"Peek":            func(s *stream) *stream { return s.Peek(func(record) {}) },
	"MapValues":       func(s *stream) *stream { return streams.MapValues(s, first) },
	"MapValuesRecord": func(s *stream) *stream { return streams.MapValuesRecord(s, sameKey) },
	"FlatMapValues":   func(s *stream) *stream { return streams.FlatMapValues(s, strings.Fields) },
	"ProcessValues":   func(s *stream) *stream { return streams.ProcessValues(s, newPassValue) },
	"Merge":           func(s *stream) *stream { return s.Merge(s.Filter(isA)) },
	"Split":           func(s *stream) *stream { branches, _ := s.Split(has("a")); return branches[0] },
	"Repartition":     func(s *stream) *stream { return streams.Map(s, same).Repartition(rekey) },
	"ToStream": func(s *stream) *stream {
		return s.ToTable(state.NewKeyValue("other-rows", serde.String, serde.String)).ToStream()
	},
}

// needers are the steps that need the records of a key together.
var needers = map[string]func(*streams.Builder, *stream){
	"GroupByKey": func(_ *streams.Builder, s *stream) { s.GroupByKey().Count(tally) },
	"ToTable":    func(_ *streams.Builder, s *stream) { s.ToTable(rows) },
	"join": func(b *streams.Builder, s *stream) {
		joins["Join"](s, streams.TableFrom(b, other, rows))
	},
	"left join": func(b *streams.Builder, s *stream) {
		joins["LeftJoin"](s, streams.TableFrom(b, other, rows))
	},
}

func TestAStepThatNeedsKeysTogetherRefusesAChangedKey(t *testing.T) {
	for changer, change := range changers {
		for needer, need := range needers {
			b := streams.NewBuilder("app")
			need(b, change(streams.From(b, in)))
			_, err := b.Build()
			require.ErrorContains(t, err, "may have changed the key", "%s before %s", changer, needer)
			require.ErrorContains(t, err, "Repartition", "the way out")
		}
	}
}

func TestAStepThatNeedsKeysTogetherTakesAKeptKey(t *testing.T) {
	for keeper, keep := range keepers {
		for needer, need := range needers {
			b := streams.NewBuilder("app")
			need(b, keep(streams.From(b, in)))
			_, err := b.Build()
			require.NoError(t, err, "%s before %s", keeper, needer)
		}
	}
}

func TestTheMistakeNamesBothLines(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.SelectKey(streams.From(b, in), first)
	changed := lineAbove()
	s.Filter(isA).GroupByKey().Count(tally)
	grouped := lineAbove()
	require.Contains(t, mistakes(t, b),
		grouped+": GroupByKey needs the records of a key in one partition, but "+changed)
}

func TestGroupByNeedsNoRepartitionBefore(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.GroupBy(streams.Map(streams.From(b, in), same), first, rekey).Count(tally)
	build(t, b)
}
