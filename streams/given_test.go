package streams_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

type (
	builder = streams.Builder
	opt     = streams.Optional[string]
)

func sameRow(_ record, row string) (opt, error) { return streams.Some(row), nil }
func noText() string                            { return "" }
func add3(_, _, row string) string              { return row }

var (
	joinStores = state.NewJoin("joinStores", serde.String, serde.String, serde.String)
	withinTen  = window.Within(ms(10))
	merge3     = func(_, a, _ string) (string, error) { return a, nil }
)

func byMinute(s *stream) *windowGroup { return s.GroupByKey().WindowedBy(tumbling(10, 0)) }

func bySession(s *stream) *streams.SessionGroup[string, string] {
	return s.GroupByKey().SessionsBy(window.Sessions(ms(10)))
}

func otherRows(b *builder) *table { return streams.TableFrom(b, other, rows) }

func globalRows(b *builder) *streams.GlobalTable[string, string] {
	return streams.GlobalTableFrom(b, other, rows)
}

func otherGroups(b *builder) *streams.TableGroup[string, string] {
	return streams.TableGroupBy(otherRows(b), valueTwice, rekey)
}

func through3(b *builder) (left, right *table) {
	return streams.TableFrom(b, streams.NewTopic("third", serde.String, serde.String),
		state.NewKeyValue("third", serde.String, serde.String)), otherRows(b)
}

var sums = state.NewKeyValue("sums", serde.String, serde.String)

// nils are calls with a function that is nil, by the name of the function or method and of the parameter.
var nils = map[string]func(*builder, *stream){
	"NewCogroup initial": func(_ *builder, s *stream) { streams.NewCogroup(s.GroupByKey(), nil, sameRow).Aggregate(sums) },
	"NewCogroup add": func(_ *builder, s *stream) {
		streams.NewCogroup(s.GroupByKey(), noText, (func(record, string) (opt, error))(nil)).Aggregate(sums)
	},
	"CogroupAdd add": func(_ *builder, s *stream) {
		streams.CogroupAdd(streams.NewCogroup(s.GroupByKey(), noText, sameRow), s.GroupByKey(), nil).Aggregate(sums)
	},
	"Cogroup.AggregateSessions merge": func(_ *builder, s *stream) {
		streams.NewCogroup(s.GroupByKey(), noText, sameRow).AggregateSessions(window.Sessions(ms(10)), visits, nil)
	},
	"Deduplicate id": func(_ *builder, s *stream) {
		streams.Deduplicate(s, nil, time.Second, passed)
	},
	"DeduplicateRecord id": func(_ *builder, s *stream) { streams.DeduplicateRecord(s, nil, time.Second, passed) },
	"ForeignKey.RightPartition partition": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.JoinForeignKey(left, right, albumArtists.RightPartition(nil), sums, artistOf, glue)
	},
	"JoinForeignKey pointer": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.JoinForeignKey(left, right, albumArtists, sums, nil, glue)
	},
	"JoinForeignKey join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.JoinForeignKey(left, right, albumArtists, sums, artistOf, nil)
	},
	"LeftJoinForeignKey pointer": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.LeftJoinForeignKey(left, right, albumArtists, sums, nil, func(l string, _ opt) string { return l })
	},
	"LeftJoinForeignKey join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.LeftJoinForeignKey(left, right, albumArtists, sums, artistOf, nil)
	},
	"JoinForeignKeyRecord pointer": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.JoinForeignKeyRecord(left, right, albumArtists, sums, streams.Left, nil,
			func(_, l string, _ opt) (opt, error) { return streams.Some(l), nil })
	},
	"JoinForeignKeyRecord join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.JoinForeignKeyRecord(left, right, albumArtists, sums, streams.Left, artistOf, nil)
	},
	"GlobalProcess new":     func(b *builder, _ *stream) { streams.GlobalProcess(b, other, nil, rows) },
	"JoinGlobal name":       func(b *builder, s *stream) { streams.JoinGlobal(s, globalRows(b), nil, glue) },
	"JoinGlobal join":       func(b *builder, s *stream) { streams.JoinGlobal[string](s, globalRows(b), first, nil) },
	"LeftJoinGlobal name":   func(b *builder, s *stream) { streams.LeftJoinGlobal(s, globalRows(b), nil, valueOrRow) },
	"LeftJoinGlobal join":   func(b *builder, s *stream) { streams.LeftJoinGlobal[string](s, globalRows(b), first, nil) },
	"JoinGlobalRecord name": func(b *builder, s *stream) { streams.JoinGlobalRecord(s, globalRows(b), streams.Left, nil, keyed) },
	"JoinGlobalRecord join": func(b *builder, s *stream) {
		streams.JoinGlobalRecord[string](s, globalRows(b), streams.Left, sameKey, nil)
	},
	"Group.Reduce fn":       func(_ *builder, s *stream) { s.GroupByKey().Reduce(sums, nil) },
	"Group.ReduceRecord fn": func(_ *builder, s *stream) { s.GroupByKey().ReduceRecord(sums, nil) },
	"Aggregate initial":     func(_ *builder, s *stream) { streams.Aggregate(s.GroupByKey(), sums, nil, add3) },
	"Aggregate add":         func(_ *builder, s *stream) { streams.Aggregate(s.GroupByKey(), sums, noText, nil) },
	"AggregateRecord initial": func(_ *builder, s *stream) {
		streams.AggregateRecord(s.GroupByKey(), sums, nil, sameRow)
	},
	"AggregateRecord add":    func(_ *builder, s *stream) { streams.AggregateRecord(s.GroupByKey(), sums, noText, nil) },
	"Join join":              func(b *builder, s *stream) { streams.Join[string](s, otherRows(b), nil) },
	"JoinRecord join":        func(b *builder, s *stream) { streams.JoinRecord[string](s, otherRows(b), streams.Left, nil) },
	"LeftJoin join":          func(b *builder, s *stream) { streams.LeftJoin[string](s, otherRows(b), nil) },
	"SessionGroup.Reduce fn": func(_ *builder, s *stream) { bySession(s).Reduce(visits, nil) },
	"SessionAggregate initial": func(_ *builder, s *stream) {
		streams.SessionAggregate(bySession(s), visits, nil, add3, add3)
	},
	"SessionAggregate add": func(_ *builder, s *stream) {
		streams.SessionAggregate(bySession(s), visits, noText, nil, add3)
	},
	"SessionAggregate merge": func(_ *builder, s *stream) {
		streams.SessionAggregate(bySession(s), visits, noText, add3, nil)
	},
	"SessionAggregateRecord initial": func(_ *builder, s *stream) {
		streams.SessionAggregateRecord(bySession(s), visits, nil, sameRow, merge3)
	},
	"SessionAggregateRecord add": func(_ *builder, s *stream) {
		streams.SessionAggregateRecord(bySession(s), visits, noText, nil, merge3)
	},
	"SessionAggregateRecord merge": func(_ *builder, s *stream) {
		streams.SessionAggregateRecord(bySession(s), visits, noText, sameRow, nil)
	},
	"Stream.Filter keep":       func(_ *builder, s *stream) { s.Filter(nil) },
	"Stream.FilterNot drop":    func(_ *builder, s *stream) { s.FilterNot(nil) },
	"Stream.FilterRecord keep": func(_ *builder, s *stream) { s.FilterRecord(nil) },
	"Stream.Peek fn":           func(_ *builder, s *stream) { s.Peek(nil) },
	"Stream.ForEach fn":        func(_ *builder, s *stream) { s.ForEach(nil) },
	"Stream.Split predicates":  func(_ *builder, s *stream) { s.Split(nil) },
	"Stream.ToEach choose":     func(_ *builder, s *stream) { s.ToEach(perUser, nil) },
	"JoinStreams join": func(b *builder, s *stream) {
		streams.JoinStreams[string](s, streams.From(b, other), withinTen, joinStores, nil)
	},
	"LeftJoinStreams join": func(b *builder, s *stream) {
		streams.LeftJoinStreams[string](s, streams.From(b, other), withinTen, joinStores, nil)
	},
	"OuterJoinStreams join": func(b *builder, s *stream) {
		streams.OuterJoinStreams[string](s, streams.From(b, other), withinTen, joinStores, nil)
	},
	"JoinStreamsRecord join": func(b *builder, s *stream) {
		streams.JoinStreamsRecord[string](s, streams.From(b, other), streams.Outer, withinTen, joinStores, nil)
	},
	"Table.Filter keep":       func(b *builder, _ *stream) { otherRows(b).Filter(nil) },
	"Table.FilterNot drop":    func(b *builder, _ *stream) { otherRows(b).FilterNot(nil) },
	"Table.FilterRecord keep": func(b *builder, _ *stream) { otherRows(b).FilterRecord(nil) },
	"TableMapValues fn":       func(b *builder, _ *stream) { streams.TableMapValues[string](otherRows(b), nil) },
	"TableMapValuesRecord fn": func(b *builder, _ *stream) { streams.TableMapValuesRecord[string](otherRows(b), nil) },
	"ToStreamKey key":         func(b *builder, _ *stream) { streams.ToStreamKey[string](otherRows(b), nil) },
	"TableGroupBy fn":         func(b *builder, _ *stream) { streams.TableGroupBy(otherRows(b), nil, rekey) },
	"TableGroupByRecord fn":   func(b *builder, _ *stream) { streams.TableGroupByRecord(otherRows(b), nil, rekey) },
	"TableGroup.Reduce add":   func(b *builder, _ *stream) { otherGroups(b).Reduce(sums, nil, glue) },
	"TableGroup.Reduce subtract": func(b *builder, _ *stream) {
		otherGroups(b).Reduce(sums, glue, nil)
	},
	"TableAggregate initial": func(b *builder, _ *stream) {
		streams.TableAggregate(otherGroups(b), sums, nil, add3, add3)
	},
	"TableAggregate add": func(b *builder, _ *stream) {
		streams.TableAggregate(otherGroups(b), sums, noText, nil, add3)
	},
	"TableAggregate subtract": func(b *builder, _ *stream) {
		streams.TableAggregate(otherGroups(b), sums, noText, add3, nil)
	},
	"TableAggregateRecord initial": func(b *builder, _ *stream) {
		streams.TableAggregateRecord(otherGroups(b), sums, nil, sameRow, sameRow)
	},
	"TableAggregateRecord add": func(b *builder, _ *stream) {
		streams.TableAggregateRecord(otherGroups(b), sums, noText, nil, sameRow)
	},
	"TableAggregateRecord subtract": func(b *builder, _ *stream) {
		streams.TableAggregateRecord(otherGroups(b), sums, noText, sameRow, nil)
	},
	"TableJoin join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.TableJoin[string](left, right, nil)
	},
	"TableLeftJoin join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.TableLeftJoin[string](left, right, nil)
	},
	"TableOuterJoin join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.TableOuterJoin[string](left, right, nil)
	},
	"TableJoinRecord join": func(b *builder, _ *stream) {
		left, right := through3(b)
		streams.TableJoinRecord[string](left, right, streams.Outer, nil)
	},
	"Topic.Timestamp extract": func(b *builder, _ *stream) { streams.From(b, other.Timestamp(nil)) },
	"TopicPattern.Timestamp extract": func(b *builder, _ *stream) {
		streams.FromPattern(b, perUser.Timestamp(nil))
	},
	"MapValues fn":       func(_ *builder, s *stream) { streams.MapValues[string](s, nil) },
	"MapValuesRecord fn": func(_ *builder, s *stream) { streams.MapValuesRecord[string](s, nil) },
	"Map fn":             func(_ *builder, s *stream) { streams.Map[string, string](s, nil) },
	"FlatMap fn":         func(_ *builder, s *stream) { streams.FlatMap[string, string](s, nil) },
	"FlatMapValues fn":   func(_ *builder, s *stream) { streams.FlatMapValues[string](s, nil) },
	"MapAsync fn": func(_ *builder, s *stream) {
		streams.MapAsync[string](s, nil, streams.Calls{}, flights)
	},
	"MapAsyncRecord fn": func(_ *builder, s *stream) {
		streams.MapAsyncRecord[string](s, nil, streams.Calls{}, flights)
	},
	"FlatMapValuesRecord fn": func(_ *builder, s *stream) { streams.FlatMapValuesRecord[string](s, nil) },
	"SelectKey fn":           func(_ *builder, s *stream) { streams.SelectKey[string](s, nil) },
	"SelectKeyRecord fn":     func(_ *builder, s *stream) { streams.SelectKeyRecord[string](s, nil) },
	"GroupBy fn":             func(_ *builder, s *stream) { streams.GroupBy(s, nil, rekey) },
	"GroupByRecord fn":       func(_ *builder, s *stream) { streams.GroupByRecord(s, nil, rekey) },
	"Process new":            func(_ *builder, s *stream) { streams.Process[string, string](s, nil) },
	"ProcessValues new":      func(_ *builder, s *stream) { streams.ProcessValues[string](s, nil) },
	"ProcessFunc fn": func(_ *builder, s *stream) {
		streams.Process(s, streams.ProcessFunc[string, string, string, string](nil))
	},
	"ProcessValuesFunc fn": func(_ *builder, s *stream) {
		streams.ProcessValues(s, streams.ProcessValuesFunc[string, string, string](nil))
	},
	"JoinWithGrace join": func(b *builder, s *stream) {
		held := state.NewBuffer("held", serde.String, serde.String)
		streams.JoinWithGrace[string](s, versionsOf(b), streams.Left, ms(10), held, nil)
	},
	"WindowedGroup.Reduce fn":       func(_ *builder, s *stream) { byMinute(s).Reduce(texts, nil) },
	"WindowedGroup.ReduceRecord fn": func(_ *builder, s *stream) { byMinute(s).ReduceRecord(texts, nil) },
	"WindowedAggregate initial": func(_ *builder, s *stream) {
		streams.WindowedAggregate(byMinute(s), texts, nil, add3)
	},
	"WindowedAggregate add": func(_ *builder, s *stream) { streams.WindowedAggregate(byMinute(s), texts, noText, nil) },
	"WindowedAggregateRecord initial": func(_ *builder, s *stream) {
		streams.WindowedAggregateRecord(byMinute(s), texts, nil, sameRow)
	},
	"WindowedAggregateRecord add": func(_ *builder, s *stream) {
		streams.WindowedAggregateRecord(byMinute(s), texts, noText, nil)
	},
	"WindowTable.Filter keep":       func(_ *builder, s *stream) { reduced(byMinute(s)).Filter(nil) },
	"WindowTable.FilterNot drop":    func(_ *builder, s *stream) { reduced(byMinute(s)).FilterNot(nil) },
	"WindowTable.FilterRecord keep": func(_ *builder, s *stream) { reduced(byMinute(s)).FilterRecord(nil) },
	"WindowedMapValues fn": func(_ *builder, s *stream) {
		streams.WindowedMapValues[string](reduced(byMinute(s)), nil)
	},
	"WindowedMapValuesRecord fn": func(_ *builder, s *stream) {
		streams.WindowedMapValuesRecord[string](reduced(byMinute(s)), nil)
	},
	"ResultsBy key": func(_ *builder, s *stream) { streams.ResultsBy[string](reduced(byMinute(s)).Final(), nil) },
	"ResultsByRecord fn": func(_ *builder, s *stream) {
		streams.ResultsByRecord[string, string](reduced(byMinute(s)).Final(), nil)
	},
}

func valueOrRow(v string, row opt) string { return v + row.Value }

func versionsOf(b *builder) *table {
	return streams.VersionedTableFrom(b, other, state.NewVersioned("versions", serde.String, serde.String, time.Minute))
}

// TestBuildRefusesEachNilFunction: of every function and method of the package that takes one.
func TestBuildRefusesEachNilFunction(t *testing.T) {
	for _, name := range functionParameters(t) {
		call := nils[name]
		if strings.HasSuffix(name, ".Partitioner partitions") {
			require.Nil(t, call) // nil is the hash of the key
			continue
		}
		t.Run(name, func(t *testing.T) {
			require.NotNil(t, call, "give it a line in nils")
			b := streams.NewBuilder("app")
			call(b, streams.From(b, in))
			got := mistakes(t, b)
			require.Contains(t, got, "is nil: a function is needed")
			require.Contains(t, got, "given_test.go:")
			require.NotContains(t, got, "\n", "one mistake, one line")
		})
	}
}

// functionParameters are the parameters of exported functions and methods that are functions.
func functionParameters(t *testing.T) (out []string) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "methods_") {
			continue // methods of Go 1.27 hand on to the functions
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || receiver(fn) == "Metric." { // which describes nothing
				continue
			}
			for _, p := range fn.Type.Params.List {
				if !isFunction(p.Type) {
					continue
				}
				for _, n := range p.Names {
					out = append(out, receiver(fn)+fn.Name.Name+" "+n.Name)
				}
			}
		}
	}
	require.Greater(t, len(out), 90)
	return out
}

func isFunction(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ellipsis:
		return isFunction(t.Elt)
	case *ast.FuncType:
		return true
	case *ast.IndexListExpr:
		name, ok := t.X.(*ast.Ident)
		return ok && (name.Name == "Partitioner" || name.Name == "TimestampExtractor")
	}
	return false
}

func receiver(fn *ast.FuncDecl) (name string) {
	if fn.Recv == nil {
		return ""
	}
	ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name + "."
		}
		return true
	})
	return name
}

// TestBuildRefusesWhatIsOutOfRange, each with its line.
func TestBuildRefusesWhatIsOutOfRange(t *testing.T) {
	for name, c := range map[string]struct {
		call func(*builder, *stream)
		text string
	}{
		"a kind of streams": {func(b *builder, s *stream) {
			streams.JoinStreamsRecord(s, streams.From(b, other), streams.JoinKind(7), withinTen, joinStores,
				func(_, l, _ opt) (opt, error) { return l, nil })
		}, "a join of kind 7: must be Inner, Left or Outer"},
		"a kind of tables": {func(b *builder, _ *stream) {
			left, right := through3(b)
			streams.TableJoinRecord(left, right, streams.JoinKind(-1), func(_ string, l, _ opt) (opt, error) { return l, nil })
		}, "a join of kind -1"},
		"partitions": {func(_ *builder, s *stream) { s.Repartition(rekey.Partitions(-3)) },
			`topic "rekey" has -3 partitions: must be 1 or more`},
		"partitions of a group": {func(b *builder, _ *stream) {
			streams.TableGroupBy(otherRows(b), valueTwice, rekey.Partitions(-3)).Reduce(sums, glue, glue)
		}, `topic "rekey" has -3 partitions`},
		"retention of windows": {func(_ *builder, s *stream) {
			byMinute(s).Reduce(texts.Retain(-time.Second), concat)
		}, `store "texts": retention -1s: must be whole milliseconds, 0 or more`},
		"retention of sessions": {func(_ *builder, s *stream) {
			bySession(s).Reduce(visits.Retain(-time.Second), concat)
		}, `store "visits": retention -1s`},
		"ids for longer than there is time": {func(_ *builder, s *stream) {
			streams.Deduplicate(s, first, 290*365*24*time.Hour, passed)
		}, "below 146 years"},
		"grace of a join": {func(b *builder, s *stream) {
			streams.JoinWithGrace(s, versionsOf(b), streams.Left, -time.Second,
				state.NewBuffer("held", serde.String, serde.String), func(r record, row opt) (opt, error) { return row, nil })
		}, "grace -1s: must be whole milliseconds, 0 or more"},
		"a grace beyond the history": {func(b *builder, s *stream) {
			streams.JoinWithGrace(s, versionsOf(b).Filter(isA), streams.Left, time.Minute+time.Millisecond,
				state.NewBuffer("held", serde.String, serde.String), func(r record, row opt) (opt, error) { return row, nil })
		}, `grace 1m0.001s is longer than the history of store "versions", 1m0s`},
		"sessions without a gap": {func(_ *builder, s *stream) {
			s.GroupByKey().SessionsBy(window.Sessions(0)).Reduce(visits, concat)
		}, "session gap 0s: must be a millisecond or more"},
		"sessions of a cogroup without a gap": {func(_ *builder, s *stream) {
			streams.NewCogroup(s.GroupByKey(), noText, sameRow).AggregateSessions(window.Sessions(-1), visits, merge3)
		}, "session gap -1ns: must be a millisecond or more"},
		"windows without a size": {func(_ *builder, s *stream) {
			s.GroupByKey().WindowedBy(window.Tumbling(0)).Reduce(texts, concat)
		}, "window size 0s: must be a millisecond or more"},
		"sliding windows without a size": {func(_ *builder, s *stream) {
			s.GroupByKey().WindowedBy(window.Sliding(-1)).Reduce(texts, concat)
		}, "window difference -1ns"},
		"a store that is nil": {func(_ *builder, s *stream) { streams.Process(s, newReader, rows, nil) },
			"one of the stores is nil"},
		"a global store that is nil": {func(b *builder, _ *stream) {
			streams.GlobalProcess(b, other, newCapitals, nil, rows)
		}, "one of the stores is nil"},
		"a stream that is nil": {func(_ *builder, s *stream) { s.Merge(nil) }, "one of the streams to merge is nil"},
		"a stream to join that is nil": {func(_ *builder, s *stream) {
			streams.JoinStreams(s, (*stream)(nil), withinTen, joinStores, glue)
		}, "the stream to join is nil"},
		"a table that is nil": {func(_ *builder, s *stream) { streams.Join(s, (*table)(nil), glue) },
			"the table to join is nil"},
		"a second table that is nil": {func(b *builder, _ *stream) { streams.TableJoin(otherRows(b), (*table)(nil), glue) },
			"the table to join is nil"},
		"a right table that is nil": {func(b *builder, _ *stream) {
			streams.JoinForeignKey(otherRows(b), (*table)(nil), albumArtists, sums, artistOf, glue)
		}, "the table to join is nil"},
		"a global table that is nil": {func(_ *builder, s *stream) {
			streams.JoinGlobal(s, (*streams.GlobalTable[string, string])(nil), first, glue)
		}, "the global table to join is nil"},
		"a group that is nil": {func(_ *builder, s *stream) {
			var none *streams.Group[string, string]
			streams.CogroupAdd(streams.NewCogroup(s.GroupByKey(), noText, sameRow), none, sameRow).
				Aggregate(sums)
		}, "the group to add is nil"},
		"a foreign key without a name": {func(b *builder, _ *stream) {
			left, right := through3(b)
			via := streams.NewForeignKey("", serde.String, serde.String, serde.String, serde.String)
			streams.JoinForeignKey(left, right, via, sums, artistOf, glue)
		}, "a foreign key needs a name"},
		"a serde of nothing": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("made", serde.String, serde.New[string]("made", nil, nil)))
		}, `topic "made": serde: "made" was made by New of a nil function`},
		"a sink with a serde of nothing": {func(_ *builder, s *stream) {
			s.To(streams.NewTopic("made", serde.String, serde.New[string]("made", nil, nil)))
		}, `topic "made": serde: "made" was made by New of a nil function`},
		"a store with a serde of nothing": {func(_ *builder, s *stream) {
			s.ToTable(state.NewKeyValue("made", serde.String, serde.New[string]("made", nil, nil)))
		}, `store "made": serde: "made" was made by New of a nil function`},
		"a foreign key with a serde of nothing": {func(b *builder, _ *stream) {
			left, right := through3(b)
			via := streams.NewForeignKey("fk", serde.String, serde.String, serde.New[string]("made", nil, nil), serde.String)
			streams.JoinForeignKey(left, right, via, sums, artistOf, glue)
		}, `foreign key "fk": serde: "made" was made by New of a nil function`},
		"keys of windows without a serde": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("keys", window.TimeKey[string](nil, tumbling(10, 0)), serde.String))
		}, `topic "keys": serde: it is nil`},
		"keys of windows that are nil": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("keys", window.TimeKey(serde.String, window.Windows{}), serde.String))
		}, `topic "keys": window: TimeKey needs windows`},
		"keys of windows without a size": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("keys", window.TimeKey(serde.String, window.Tumbling(0)), serde.String))
		}, `topic "keys": window size 0s`},
		"keys of sessions without a serde": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("keys", window.SessionKey[string](nil), serde.String))
		}, `topic "keys": serde: it is nil`},
		"a retention below zero": {func(_ *builder, s *stream) {
			streams.Process(s, newReader, state.NewWindow("made", serde.String, serde.String).Retain(-time.Second))
		}, `store "made": retention -1s: must be a millisecond or more`},
		"ids with a retention below zero": {func(_ *builder, s *stream) {
			streams.Deduplicate(s, first, time.Second, passed.Retain(-time.Second))
		}, "retention -1s: must be whole milliseconds, 0 or more"},
		"a global table of no past": {func(b *builder, _ *stream) {
			streams.GlobalTableFrom(b, other.FromPast(-time.Second), rows)
		}, `topic "other" fills a global table or processor, which reads it from its start`},
		"a rate that is no number": {func(_ *builder, s *stream) {
			streams.MapAsync(s, func(_ context.Context, v string) (string, error) { return v, nil },
				streams.Calls{PerSecond: math.NaN()}, flights)
		}, "Calls: no field may be below 0, or no number"},
		"one output of two types": {func(_ *builder, s *stream) {
			p := streams.Process(s, newReader, rows)
			streams.SideOutput(p, streams.NewOutput[string, string]("side"))
			streams.SideOutput(p, streams.NewOutput[string, int]("side"))
		}, `output "side" has records of string and string`},
		"a join of stream and table that keeps rows alone": {func(b *builder, s *stream) {
			streams.JoinRecord(s, otherRows(b), streams.Outer, func(_ record, row opt) (opt, error) { return row, nil })
		}, "a join of a stream with a table is Inner or Left"},
		"windows that nobody made": {func(_ *builder, s *stream) {
			s.GroupByKey().WindowedBy(window.Windows{}).Reduce(texts, concat)
		}, "no windows: make some with window.Tumbling"},
		"windows without an end, with a grace period": {func(_ *builder, s *stream) {
			s.GroupByKey().WindowedBy(window.Unlimited(time.UnixMilli(0)).Grace(time.Second)).Reduce(texts, concat)
		}, "window grace: a window without an end has none"},
		"a store behind a pointer that is nil": {func(_ *builder, s *stream) {
			streams.Process(s, newReader, rows, (*state.KeyValue[string, string])(nil))
		}, "one of the stores is nil"},
		"a serde behind a pointer that is nil": {func(b *builder, _ *stream) {
			streams.From(b, streams.NewTopic("made", serde.String, serde.Serde[string]((*nilSerde)(nil))))
		}, `topic "made": serde: it is nil`},
		"a join without a name": {func(b *builder, s *stream) {
			streams.JoinStreams(s, streams.From(b, other), withinTen, state.NewJoin("", serde.String, serde.String, serde.String), glue)
		}, "the stores of a join need a name"},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			c.call(b, streams.From(b, in))
			got := mistakes(t, b)
			require.Contains(t, got, c.text)
			require.Contains(t, got, "given_test.go:")
			require.NotContains(t, got, "\n", "one mistake, one line")
		})
	}
	b := streams.NewBuilder("app")
	streams.JoinWithGrace(streams.From(b, in), versionsOf(b), streams.Left, time.Minute,
		state.NewBuffer("held", serde.String, serde.String), func(r record, row opt) (opt, error) { return row, nil }).To(out)
	build(t, b) // a grace of the whole history
}

// nilSerde is sound unless it is a pointer to nothing.
type nilSerde struct{ serde.Serde[string] }

func (s *nilSerde) Err() error { return serde.ErrOf(s.Serde) }

// TestNothingComesOfNil: where there is no builder to report to, the call says whose mistake it is.
func TestNothingComesOfNil(t *testing.T) {
	for name, call := range map[string]func(){
		"the Builder":     func() { streams.From[string, string](nil, in) },
		"the Builder of":  func() { streams.GlobalTableFrom[string, string](nil, in, rows) },
		"the Stream":      func() { (*stream)(nil).Filter(isA) },
		"the Stream of":   func() { streams.MapValues((*stream)(nil), first) },
		"the Stream to":   func() { new(stream).To(out) },
		"the Stream by":   func() { (*stream)(nil).GroupByKey() },
		"the Table":       func() { (*table)(nil).ToStream() },
		"the Table of":    func() { streams.TableMapValues((*table)(nil), first) },
		"the Group":       func() { (*streams.Group[string, string])(nil).Reduce(sums, glue) },
		"the WindowTable": func() { (*windowTable)(nil).Filter(isA) },
		"the Builder, ":   func() { _, _ = (*builder)(nil).Build() },
	} {
		what := strings.Join(strings.Fields(name)[:2], " ")
		require.Panics(t, call, name)
		func() {
			defer func() {
				got := recover().(string)
				require.Contains(t, got, strings.Trim(what, ",")+" is nil")
				require.Contains(t, got, "given_test.go:")
			}()
			call()
		}()
	}
}

// TestABuiltTopologyDoesNotChange: a step that is added later is refused, wherever the topology is used next.
func TestABuiltTopologyDoesNotChange(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	windows := reduced(byMinute(s))
	s.To(out)
	topo := build(t, b)
	before := topo.Describe()
	build(t, b) // again, as nothing was added

	s.Filter(isA).To(counts2)
	line := lineAbove()
	windows.Updates()
	second := lineAbove()
	streams.From(b, other)
	third := lineAbove()
	require.Equal(t, before, topo.Describe())
	_, err := b.Build()
	for _, line := range []string{line, second, third} {
		require.ErrorContains(t, err, line+": a step, ")
	}
	require.ErrorContains(t, err, "is added to a topology that has been built: add it before Build")
	_, err = streams.New(topo, streams.Config{})
	require.ErrorContains(t, err, line)
	_, err = testkit.NewDriver(topo)
	require.ErrorContains(t, err, line)
}

var counts2 = streams.NewTopic("second", serde.String, serde.String)

// TestNilDeclarationsAreMistakes: methods take declarations as interfaces, so they may be nil.
func TestNilDeclarationsAreMistakes(t *testing.T) {
	for name, call := range map[string]func(b *builder, s *stream){
		"Group.Count":         func(_ *builder, s *stream) { s.GroupByKey().Count(nil) },
		"WindowedGroup.Count": func(_ *builder, s *stream) { byMinute(s).Count(nil) },
		"SessionGroup.Count":  func(_ *builder, s *stream) { bySession(s).Count(nil) },
		"TableGroup.Count":    func(b *builder, _ *stream) { otherGroups(b).Count(nil) },
		"ToTable":             func(_ *builder, s *stream) { s.ToTable(nil) },
		"ToVersionedTable":    func(_ *builder, s *stream) { s.ToVersionedTable(nil) },
		"Materialize":         func(b *builder, _ *stream) { otherRows(b).Materialize(nil) },
		"Suppress":            func(b *builder, _ *stream) { otherRows(b).Suppress(streams.HoldFor(ms(10)), nil) },
		"Repartition":         func(_ *builder, s *stream) { s.Repartition(nil) },
		"pointer to a store": func(_ *builder, s *stream) {
			s.ToTable((*state.KeyValue[string, string])(nil))
		},
		"pointer to a buffer": func(b *builder, _ *stream) {
			otherRows(b).Suppress(streams.HoldFor(ms(10)), (*state.Suppress[string, string])(nil))
		},
		"pointer to a topic": func(_ *builder, s *stream) {
			s.Repartition((*streams.Repartition[string, string])(nil))
		},
		"ToEach": func(_ *builder, s *stream) { s.ToEach(nil, func(record) (string, error) { return "", nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("nil-declaration")
			call(b, streams.From(b, in))
			_, err := b.Build()
			require.ErrorContains(t, err, "given_test.go:")
		})
	}
}
