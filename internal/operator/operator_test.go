package operator_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

type (
	record   = graph.Record[int64, int64]
	optional = graph.Optional[int64]
	change   = graph.Change[int64]
	windowed = window.Windowed[int64]
)

var (
	rows    = state.NewKeyValue("rows", serde.Int64, serde.Int64)
	minutes = windows.Hopping(10e6, 5e6)
	spans   = state.NewWindow("spans", serde.Int64, serde.Int64).Retain(10e6)
	slides  = state.NewWindow("slides", serde.Int64, serde.Int64).ByKey().Retain(30e6)
	visits  = state.NewSession("visits", serde.Int64, serde.Int64).Retain(10e6)
)

// host is a task with stores in memory and nothing else.
type host map[string]storage.Store

func (h host) Store(name string) state.Store               { return storage.Open(h[name]) }
func (h host) StreamTime() int64                           { return 0 }
func (h host) WallClock() int64                            { return 0 }
func (h host) Source() (string, int32, int64, bool)        { return "", 0, 0, false }
func (h host) Partitions(string) (int32, error)            { return 1, nil }
func (h host) RequestCommit()                              {}
func (h host) Watches() bool                               { return false }
func (h host) Drop(*graph.Node, graph.DropReason)          {}
func (h host) Call(*graph.Call)                            {}
func (h host) Schedule(*graph.Punctuation) (cancel func()) { return func() {} }
func (h host) Logger() *slog.Logger                        { return slog.Default() }

// mark begins a record.
func (h host) mark() {
	for _, s := range h {
		s.Mark()
	}
}

// sink counts what comes out of an operator.
type sink[K, V any] struct {
	count *int
}

func (s *sink[K, V]) Process(*graph.Context[K, V], graph.Record[K, V]) error {
	*s.count++
	return nil
}

// bench is an operator between a source of numbers and a sink.
type bench struct {
	graph *graph.Graph
	node  *graph.Node
	count int
	host  host
	inlet graph.Inlet
}

func newBench() *bench {
	b := &bench{graph: graph.NewGraph(), host: host{}}
	b.node = graph.AddSource(b.graph, &graph.Topic{Name: "in"}, serde.Int64, serde.Int64, nil)
	return b
}

// unused is what Compile gets to see in place of an operator, of which there is one.
type unused[KI, VI, KO, VO any] struct{}

func (*unused[KI, VI, KO, VO]) Process(*graph.Context[KO, VO], graph.Record[KI, VI]) error {
	return nil
}

// add puts an operator behind the last one.
func add[KI, VI, KO, VO any](
	b *bench, takes, gives graph.Form, p graph.Processor[KI, VI, KO, VO], stores ...storage.Spec,
) {
	calls := 0
	b.node = graph.AddFormed(b.graph, "op", "test", []*graph.Node{b.node}, stores, takes, gives,
		func() graph.Processor[KI, VI, KO, VO] {
			if calls++; calls <= 2 {
				return &unused[KI, VI, KO, VO]{}
			}
			return p
		})
}

// unusedStep is unused for an operator without types.
type unusedStep struct{ _ byte }

func (*unusedStep) Process(*graph.FlowContext, *graph.Flow) error { return nil }

// put is add for an operator without types.
func put(b *bench, p graph.Step, stores ...storage.Spec) {
	calls := 0
	b.node = graph.AddStep(b.graph, "op", "test", []*graph.Node{b.node}, stores, func() graph.Step {
		if calls++; calls <= 2 {
			return &unusedStep{}
		}
		return p
	})
}

// end puts the sink behind the last one, whose results have the types K and V, and links the whole.
func end[K, V any](t *testing.T, b *bench) { endOf[K, V](t, b, graph.Records) }

func endOf[K, V any](t *testing.T, b *bench, form graph.Form) {
	add(b, form, graph.Records, graph.Processor[K, V, K, V](&sink[K, V]{count: &b.count}))
	topo, err := graph.Compile(b.graph, "app")
	require.NoError(t, err)
	engine := store.OpenMemory()
	for i, spec := range topo.Subs()[0].Stores {
		env := storage.Env{Engine: engine, Prefix: []byte{byte(i + 1)}, Budget: storage.NewBudget(1 << 30)}
		b.host[spec.Name()] = spec.Open(env)
	}
	instance, err := topo.Link(graph.TaskID{}, b.host, &graph.Outbox{})
	require.NoError(t, err)
	require.NoError(t, instance.Init())
	b.inlet = instance.Inlets["in"]
}

// take sends a record through.
func (b *bench) take(t require.TestingT, raw *graph.Raw) {
	b.host.mark()
	_, err := b.inlet.Decode(raw, 0)
	require.NoError(t, err)
	require.NoError(t, b.inlet.Process())
}

func number(n int64) []byte {
	b, _ := serde.Int64.Append(nil, n)
	return b
}

func pass(*graph.Flow) (bool, error)               { return true, nil }
func same(r record) (record, error)                { return r, nil }
func value(r record) (optional, error)             { return graph.Some(r.Value), nil }
func sum(r record, row optional) (optional, error) { return graph.Some(row.Value + r.Value), nil }
func zero() int64                                  { return 0 }
func join(_, a, b int64) (int64, error)            { return a + b, nil }
func each(r record, emit func(record) error) error { return emit(r) }
func twice(r record, emit func(optional) error) error {
	if err := emit(graph.Some(r.Value)); err != nil {
		return err
	}
	return emit(graph.Some(r.Value))
}

// chains are operators to measure, each behind a source and before a sink.
var chains = map[string]func(*testing.T, *bench){
	"filter": func(t *testing.T, b *bench) { put(b, operator.Filter(pass)); end[int64, int64](t, b) },
	"peek": func(t *testing.T, b *bench) {
		put(b, operator.Peek(func(*graph.Flow) error { return nil }))
		end[int64, int64](t, b)
	},
	"map": func(t *testing.T, b *bench) { put(b, operator.Map(operator.MapOf(same))); end[int64, int64](t, b) },
	"flatmap": func(t *testing.T, b *bench) {
		add(b, graph.Records, graph.Records, operator.FlatMap(each))
		end[int64, int64](t, b)
	},
	"flatmapvalues": func(t *testing.T, b *bench) {
		add(b, graph.Records, graph.Records, operator.FlatMapValues(twice))
		end[int64, int64](t, b)
	},
	"keyed": func(t *testing.T, b *bench) { put(b, operator.Keyed()); end[int64, int64](t, b) },
	"merge": func(t *testing.T, b *bench) {
		b.node = graph.AddPass(b.graph, "merge", "test", []*graph.Node{b.node})
		end[int64, int64](t, b)
	},
	"split": func(t *testing.T, b *bench) {
		b.node = graph.AddSplit(b.graph, "test", b.node, operator.Split([]func(*graph.Flow) (bool, error){pass}))
		end[int64, int64](t, b)
	},
	"table": func(t *testing.T, b *bench) {
		put(b, operator.ToTable(storage.Of(rows)), storage.Of(rows))
		put(b, operator.MapChange(operator.MapperOf(value)))
		put(b, operator.Materialize(storage.Of(state.NewKeyValue("more", serde.Int64, serde.Int64))),
			storage.Of(state.NewKeyValue("more", serde.Int64, serde.Int64)))
		put(b, operator.ToStream())
		end[int64, int64](t, b)
	},
	"aggregate": func(t *testing.T, b *bench) {
		put(b, operator.Aggregate(storage.Of(rows), operator.FoldOf(sum)), storage.Of(rows))
		endOf[int64, change](t, b, graph.Changes)
	},
	"windows": func(t *testing.T, b *bench) {
		put(b, operator.WindowAggregate(storage.Of(spans), minutes, operator.FoldOf(sum)), storage.Of(spans))
		endOf[windowed, change](t, b, graph.Changes)
	},
	"final": func(t *testing.T, b *bench) {
		put(b, operator.Final(storage.Of(spans), operator.ClosingWindows{Windows: minutes}, 0), storage.Of(spans))
		end[windowed, int64](t, b)
		b.count++ // no window closes: nothing to see in the sink
	},
	"sliding": func(t *testing.T, b *bench) {
		put(b, operator.SlidingAggregate(storage.Of(slides), windows.Sliding(10e6), operator.FoldOf(sum)), storage.Of(slides))
		endOf[windowed, change](t, b, graph.Changes)
	},
	"session": func(t *testing.T, b *bench) {
		put(b, operator.SessionAggregate(storage.Of(visits), windows.Sessions(10e6), operator.Sessions{
			Initial: operator.InitialOf(zero), Fold: operator.FoldOf(sum), Merge: operator.MergeOf(join),
		}), storage.Of(visits))
		endOf[windowed, change](t, b, graph.Changes)
	},
	"regroup": func(t *testing.T, b *bench) {
		put(b, operator.ToTable(storage.Of(rows)), storage.Of(rows))
		add(b, graph.Changes, graph.Records, operator.Regroup(same, serde.Int64))
		end[int64, change](t, b)
	},
	"join": func(t *testing.T, b *bench) {
		view := operator.ViewOf[int64, int64](operator.RowsIn(storage.Of(rows)))
		add(b, graph.Records, graph.Records, operator.StreamTable(view, true, sum), storage.Of(rows))
		end[int64, int64](t, b)
	},
}

// TestNoOperatorAllocates: garbage for each record is what makes a stream processor slow. Rows are there already, as a
// new row has to be kept somewhere.
func TestNoOperatorAllocates(t *testing.T) {
	for name, chain := range chains {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			chain(t, b)
			raw := &graph.Raw{Key: number(1), Value: number(2), Timestamp: 7}
			b.take(t, raw)
			require.NotZero(t, b.count)
			allocs := testing.AllocsPerRun(100, func() {
				b.host.mark()
				_, _ = b.inlet.Decode(raw, 0)
				_ = b.inlet.Process()
			})
			require.Zero(t, allocs)
		})
	}
}
