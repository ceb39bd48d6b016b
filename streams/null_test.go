package streams_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// bare shows the value of an optional without asking whether it is there.
func bare(v, row streams.Optional[string]) string { return v.Value + "/" + row.Value }

// secretive is none with a value, which nobody may see.
func secretive(v string) (streams.Optional[string], error) {
	return optional{Value: v, OK: v != "secret"}, nil
}

func public(v string) bool { return v != "secret" }

// hiding are the ways in which a row of a table may be taken out of it.
var hiding = map[string]func(*table) *table{
	"Filter":    func(t *table) *table { return t.Filter(public) },
	"FilterNot": func(t *table) *table { return t.FilterNot(func(v string) bool { return !public(v) }) },
	"TableMapValuesRecord": func(t *table) *table {
		return streams.TableMapValuesRecord(t, func(r record) (optional, error) { return secretive(r.Value) })
	},
	"TableJoinRecord": func(t *table) *table {
		return streams.TableJoinRecord(t, t, streams.Inner, func(_ string, l, _ optional) (optional, error) {
			return secretive(l.Value)
		})
	},
	"two filters": func(t *table) *table { return t.Filter(public).Filter(func(v string) bool { return v != "" }) },
}

var tableKinds = map[string]func(*streams.Builder) *table{
	"table": func(b *streams.Builder) *table { return streams.TableFrom(b, other, rows) },
	"versioned": func(b *streams.Builder) *table {
		return streams.VersionedTableFrom(b, other, state.NewVersioned("rows", serde.String, serde.String, ms(1e6)))
	},
}

func TestAJoinDoesNotSeeWhatAFilterRemoved(t *testing.T) {
	for kind, from := range tableKinds {
		for name, hide := range hiding {
			if kind == "versioned" && name == "TableJoinRecord" {
				continue // not versioned any more
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				b := streams.NewBuilder("app")
				row := hide(from(b))
				streams.LeftJoin(streams.From(b, in), row, func(v string, row optional) string {
					return bare(streams.Some(v), row)
				}).To(out)
				d := drive(t, b)
				testkit.Input(d, other).PipeRecord(rec("k", "secret", 1))
				pipe(d, rec("k", "v", 2))
				testkit.Input(d, other).PipeRecord(rec("k", "open", 3))
				pipe(d, rec("k", "w", 4))
				require.Equal(t, []record{rec("k", "v/", 2), rec("k", "w/open", 4)}, testkit.Output(d, out).Read())
			})
		}
	}
}

func TestTablesDoNotSeeWhatAFilterRemoved(t *testing.T) {
	for name, hide := range hiding {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			left := streams.TableFrom(b, in, state.NewKeyValue("left", serde.String, serde.String))
			right := hide(streams.TableFrom(b, other, rows))
			joined := streams.TableOuterJoin(left, right, bare)
			seen := []string{}
			streams.TableMapValues(joined, func(v string) string { seen = append(seen, v); return v }).ToStream().To(out)
			d := drive(t, b)
			pipe(d, rec("k", "v", 1))
			testkit.Input(d, other).PipeRecord(rec("k", "open", 2))
			testkit.Input(d, other).PipeRecord(rec("k", "secret", 3))
			pipe(d, rec("k", "w", 4), nullValue("k", 5))
			got := slices.CompactFunc(testkit.Output(d, out).Read(), func(a, b record) bool { return a.Value == b.Value })
			require.Equal(t, []record{ // a table that is joined with itself tells some of it twice
				rec("k", "v/", 1), rec("k", "v/open", 2), rec("k", "v/", 3), rec("k", "w/", 4), nullValue("k", 5),
			}, got)
			require.NotContains(t, seen, "v/secret")
		})
	}
}

// A row that is deleted by a function of the user's leaves nothing for the steps behind it.
func TestAFoldThatReturnsNoneLeavesNothing(t *testing.T) {
	last := func(r record, _ string) (optional, error) { return secretive(r.Value) }
	empty := func() string { return "" }
	folds := map[string]func(*streams.Group[string, string]) *table{
		"AggregateRecord": func(g *streams.Group[string, string]) *table {
			return streams.AggregateRecord(g, rows, empty, last)
		},
		"ReduceRecord": func(g *streams.Group[string, string]) *table { return g.ReduceRecord(rows, last) },
		"Cogroup": func(g *streams.Group[string, string]) *table {
			return streams.NewCogroup(g, empty, last).Aggregate(rows)
		},
		"TableAggregateRecord": func(g *streams.Group[string, string]) *table {
			return streams.TableAggregateRecord(streams.TableGroupBy(
				g.Reduce(state.NewKeyValue("inner", serde.String, serde.String), func(_, v string) string { return v }),
				func(k, v string) (string, string) { return k, v }, rekey,
			), rows, empty, last, last)
		},
	}
	for name, fold := range folds {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			streams.Process(fold(streams.From(b, in).GroupByKey()).ToStream(), newPeeping).To(out)
			d := drive(t, b)
			pipe(d, rec("k", "a", 1), rec("k", "secret", 2), rec("k", "b", 3))
			d.Commit()
			require.Equal(t, []record{rec("k", "a", 1), rec("k", "null:", 2), rec("k", "b", 3)}, testkit.Output(d, out).Read())
		})
	}
}

func TestWindowsDoNotShowWhatAFilterRemoved(t *testing.T) {
	spans := state.NewWindow("spans", serde.String, serde.String)
	minutes := window.Tumbling(ms(100))
	filters := map[string]func(*streams.WindowTable[string, string]) *streams.WindowTable[string, string]{
		"Filter": func(t *streams.WindowTable[string, string]) *streams.WindowTable[string, string] {
			return t.Filter(public)
		},
		"WindowedMapValuesRecord": func(t *streams.WindowTable[string, string]) *streams.WindowTable[string, string] {
			return streams.WindowedMapValuesRecord(t, func(r streams.Record[window.Windowed[string], string]) (optional, error) {
				return secretive(r.Value)
			})
		},
	}
	for name, filter := range filters {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			rows := streams.From(b, in).GroupByKey().WindowedBy(minutes).Reduce(spans, func(_, v string) string { return v })
			of := func(w window.Windowed[string]) string { return w.Key }
			streams.Process(streams.ResultsBy(filter(rows).Updates(), of), newPeeping).To(out)
			d := drive(t, b)
			pipe(d, rec("k", "a", 1), rec("k", "secret", 2))
			require.Equal(t, []record{rec("k", "a", 1), rec("k", "null:", 2)}, testkit.Output(d, out).Read())
		})
	}
}

// peeping shows what a record with a null key or value holds nevertheless.
type peeping struct{}

func newPeeping() textProcessor { return &peeping{} }

func (p *peeping) Process(ctx *textContext, r record) error {
	switch {
	case r.NullKey:
		return ctx.Forward(rec("null:"+r.Key, r.Value, r.Timestamp))
	case r.NullValue:
		return ctx.Forward(rec(r.Key, "null:"+r.Value, r.Timestamp))
	}
	return ctx.Forward(r)
}

// forwarding passes each record on as fn changes it.
type forwarding struct {
	fn func(record) record
}

func (p *forwarding) Process(ctx *textContext, r record) error {
	return ctx.Forward(p.fn(r))
}

func TestANullKeyOrValueHoldsNothing(t *testing.T) {
	noValue := func(r record) record { r.NullValue = true; return r }
	noKey := func(r record) record { r.NullKey = true; return r }
	none := func(v string) (optional, error) { return optional{Value: v}, nil }
	value, key := []record{rec("k", "null:", 1)}, []record{rec("null:", "v", 1)}
	for name, c := range map[string]struct {
		steps func(*stream) *stream
		want  []record
	}{
		"Process value": {func(s *stream) *stream {
			return streams.Process(s, func() textProcessor { return &forwarding{fn: noValue} })
		}, value},
		"Process key": {func(s *stream) *stream {
			return streams.Process(s, func() textProcessor { return &forwarding{fn: noKey} })
		}, key},
		"Map value": {func(s *stream) *stream {
			return streams.Map(s, func(r record) (record, error) { return noValue(r), nil })
		}, value},
		"Map key": {func(s *stream) *stream {
			return streams.Map(s, func(r record) (record, error) { return noKey(r), nil })
		}, key},
		"FlatMap": {func(s *stream) *stream {
			return streams.FlatMap(s, func(r record, emit func(record) error) error { return emit(noValue(r)) })
		}, value},
		"MapValuesRecord": {func(s *stream) *stream {
			return streams.MapValuesRecord(s, func(r record) (optional, error) { return none(r.Value) })
		}, value},
		"FlatMapValuesRecord": {func(s *stream) *stream {
			return streams.FlatMapValuesRecord(s, func(r record, emit func(optional) error) error {
				return emit(optional{Value: r.Value})
			})
		}, value},
		"SelectKeyRecord": {func(s *stream) *stream {
			return streams.SelectKeyRecord(s, func(r record) (optional, error) { return none(r.Key) })
		}, key},
		"Split": {func(s *stream) *stream {
			all := func(record) (bool, error) { return true, nil }
			no := func(record) (bool, error) { return false, nil }
			branches, _ := streams.Map(s, func(r record) (record, error) { return noValue(r), nil }).Split(no, all)
			return branches[1]
		}, value},
		"ProcessValues": {func(s *stream) *stream {
			return streams.ProcessValues(s, func() streams.FixedKeyProcessor[string, string, string] { return &nullValues{} })
		}, value},
	} {
		t.Run(name, func(t *testing.T) {
			got := through(t, func(s *stream) *stream { return streams.Process(c.steps(s), newPeeping) }, rec("k", "v", 1))
			require.Equal(t, c.want, got)
		})
	}
}

type nullValues struct{}

func (p *nullValues) Process(ctx *fixedContext, r fixedRecord) error {
	return ctx.Forward(streams.FixedKeyValue(r, optional{Value: r.Record().Value}))
}

func TestJoinersMayReturnNoneWithAValue(t *testing.T) {
	fnNone := func(record, optional) (optional, error) { return optional{Value: "secret"}, nil }
	b := streams.NewBuilder("app")
	s, table := streams.From(b, in), streams.TableFrom(b, other, rows)
	seen := streams.Process(streams.JoinRecord(s, table, streams.Left, fnNone), newPeeping)
	joined := streams.JoinStreamsRecord(s, s, streams.Left, window.Within(ms(10)),
		state.NewJoin("self", serde.String, serde.String, serde.String),
		func(key, l, r optional) (optional, error) { return optional{Value: l.Value + "secret"}, nil })
	seen.Merge(streams.Process(joined, newPeeping)).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "v", 1))
	require.Equal(t, []record{rec("k", "null:", 1), rec("k", "null:", 1)}, testkit.Output(d, out).Read())
}

func TestAGlobalJoinIsNotShownANameThatIsNone(t *testing.T) {
	b := streams.NewBuilder("app")
	table := streams.GlobalTableFrom(b, other, rows)
	streams.JoinGlobalRecord(streams.From(b, in), table, streams.Left,
		func(r record) (optional, error) { return optional{Value: "name"}, nil },
		func(r record, named, row optional) (optional, error) { return streams.Some(bare(named, row)), nil }).To(out)
	d := drive(t, b)
	testkit.Input(d, other).PipeRecord(rec("name", "row", 1))
	pipe(d, rec("k", "v", 2))
	require.Equal(t, []record{rec("k", "/", 2)}, testkit.Output(d, out).Read())
}
