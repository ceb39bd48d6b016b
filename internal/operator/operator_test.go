package operator_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

type (
	record   = topology.Record[int64, int64]
	optional = topology.Optional[int64]
	change   = topology.Change[int64]
	windowed = window.Windowed[int64]
)

var (
	rows    = state.NewKeyValue("rows", serde.Int64, serde.Int64)
	minutes = window.Hopping(10e6, 5e6)
	spans   = state.NewWindow("spans", serde.Int64, serde.Int64).Retain(10e6)
	slides  = state.NewWindow("slides", serde.Int64, serde.Int64).ByKey().Retain(30e6)
	visits  = state.NewSession("visits", serde.Int64, serde.Int64).Retain(10e6)
)

// host is a task with stores in memory and nothing else.
type host map[string]state.Store

func (h host) Store(name string) state.Store                  { return h[name] }
func (h host) StreamTime() int64                              { return 0 }
func (h host) WallClock() int64                               { return 0 }
func (h host) Source() (string, int32, int64, bool)           { return "", 0, 0, false }
func (h host) Partitions(string) (int32, error)               { return 1, nil }
func (h host) RequestCommit()                                 {}
func (h host) Watches() bool                                  { return false }
func (h host) Drop(*topology.Node, topology.DropReason)       {}
func (h host) Call(*topology.Call)                            {}
func (h host) Schedule(*topology.Punctuation) (cancel func()) { return func() {} }
func (h host) Logger() *slog.Logger                           { return slog.Default() }

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

func (s *sink[K, V]) Process(*topology.Context[K, V], topology.Record[K, V]) error {
	*s.count++
	return nil
}

// bench is an operator between a source of numbers and a sink.
type bench struct {
	graph *topology.Graph
	node  *topology.Node
	count int
	host  host
	inlet topology.Inlet
}

func newBench() *bench {
	b := &bench{graph: topology.NewGraph(), host: host{}}
	b.node = topology.AddSource(b.graph, &topology.Topic{Name: "in"}, serde.Int64, serde.Int64, nil)
	return b
}

// unused is what Compile gets to see in place of an operator, of which there is one.
type unused[KI, VI, KO, VO any] struct{}

func (*unused[KI, VI, KO, VO]) Process(*topology.Context[KO, VO], topology.Record[KI, VI]) error {
	return nil
}

// add puts an operator behind the last one.
func add[KI, VI, KO, VO any](
	b *bench, takes, gives topology.Form, p topology.Processor[KI, VI, KO, VO], stores ...state.Spec,
) {
	calls := 0
	b.node = topology.AddFormed(b.graph, "op", "test", []*topology.Node{b.node}, stores, takes, gives,
		func() topology.Processor[KI, VI, KO, VO] {
			if calls++; calls <= 2 {
				return &unused[KI, VI, KO, VO]{}
			}
			return p
		})
}

// unusedStep is unused for an operator without types.
type unusedStep struct{ _ byte }

func (*unusedStep) Process(*topology.FlowContext, *topology.Flow) error { return nil }

// put is add for an operator without types.
func put(b *bench, p topology.Step, stores ...state.Spec) {
	calls := 0
	b.node = topology.AddStep(b.graph, "op", "test", []*topology.Node{b.node}, stores, func() topology.Step {
		if calls++; calls <= 2 {
			return &unusedStep{}
		}
		return p
	})
}

// end puts the sink behind the last one, whose results have the types K and V, and links the whole.
func end[K, V any](t *testing.T, b *bench) { endOf[K, V](t, b, topology.Records) }

func endOf[K, V any](t *testing.T, b *bench, form topology.Form) {
	add(b, form, topology.Records, topology.Processor[K, V, K, V](&sink[K, V]{count: &b.count}))
	topo, err := topology.Compile(b.graph, "app")
	require.NoError(t, err)
	engine := store.OpenMemory()
	for i, spec := range topo.Subs[0].Stores {
		env := state.Env{Engine: engine, Prefix: []byte{byte(i + 1)}, Budget: state.NewBudget(1 << 30)}
		b.host[spec.Name()] = spec.Open(env)
	}
	instance, err := topo.Link(topology.TaskID{}, b.host, &topology.Outbox{})
	require.NoError(t, err)
	require.NoError(t, instance.Init())
	b.inlet = instance.Inlets["in"]
}

// take sends a record through.
func (b *bench) take(t require.TestingT, raw *topology.Raw) {
	b.host.mark()
	_, err := b.inlet.Decode(raw, 0)
	require.NoError(t, err)
	require.NoError(t, b.inlet.Process())
}

func number(n int64) []byte {
	b, _ := serde.Int64.Append(nil, n)
	return b
}

func pass(*topology.Flow) (bool, error)            { return true, nil }
func same(r record) (record, error)                { return r, nil }
func value(r record) (optional, error)             { return topology.Some(r.Value), nil }
func sum(r record, row optional) (optional, error) { return topology.Some(row.Value + r.Value), nil }
func zero() int64                                  { return 0 }
func join(_, a, b int64) (int64, error)            { return a + b, nil }
func each(r record, emit func(record) error) error { return emit(r) }
func twice(r record, emit func(optional) error) error {
	if err := emit(topology.Some(r.Value)); err != nil {
		return err
	}
	return emit(topology.Some(r.Value))
}

// chains are operators to measure, each behind a source and before a sink.
var chains = map[string]func(*testing.T, *bench){
	"filter": func(t *testing.T, b *bench) { put(b, operator.Filter(pass)); end[int64, int64](t, b) },
	"peek": func(t *testing.T, b *bench) {
		put(b, operator.Peek(func(*topology.Flow) error { return nil }))
		end[int64, int64](t, b)
	},
	"map": func(t *testing.T, b *bench) { put(b, operator.Map(operator.MapOf(same))); end[int64, int64](t, b) },
	"flatmap": func(t *testing.T, b *bench) {
		add(b, topology.Records, topology.Records, operator.FlatMap(each))
		end[int64, int64](t, b)
	},
	"flatmapvalues": func(t *testing.T, b *bench) {
		add(b, topology.Records, topology.Records, operator.FlatMapValues(twice))
		end[int64, int64](t, b)
	},
	"keyed": func(t *testing.T, b *bench) { put(b, operator.Keyed()); end[int64, int64](t, b) },
	"merge": func(t *testing.T, b *bench) {
		b.node = topology.AddPass(b.graph, "merge", "test", []*topology.Node{b.node})
		end[int64, int64](t, b)
	},
	"split": func(t *testing.T, b *bench) {
		b.node = topology.AddSplit(b.graph, "test", b.node, operator.Split([]func(*topology.Flow) (bool, error){pass}))
		end[int64, int64](t, b)
	},
	"table": func(t *testing.T, b *bench) {
		put(b, operator.ToTable(rows.Spec()), rows.Spec())
		put(b, operator.MapChange(operator.MapperOf(value)))
		put(b, operator.Materialize(state.NewKeyValue("more", serde.Int64, serde.Int64).Spec()),
			state.NewKeyValue("more", serde.Int64, serde.Int64).Spec())
		put(b, operator.ToStream())
		end[int64, int64](t, b)
	},
	"aggregate": func(t *testing.T, b *bench) {
		put(b, operator.Aggregate(rows.Spec(), operator.FoldOf(sum)), rows.Spec())
		endOf[int64, change](t, b, topology.Changes)
	},
	"windows": func(t *testing.T, b *bench) {
		put(b, operator.WindowAggregate(spans.Spec(), minutes, operator.FoldOf(sum)), spans.Spec())
		endOf[windowed, change](t, b, topology.Changes)
	},
	"final": func(t *testing.T, b *bench) {
		put(b, operator.Final(spans.Spec(), operator.ClosingWindows{Windows: minutes}, 0), spans.Spec())
		end[windowed, int64](t, b)
		b.count++ // no window closes: nothing to see in the sink
	},
	"sliding": func(t *testing.T, b *bench) {
		put(b, operator.SlidingAggregate(slides.Spec(), window.Sliding(10e6), operator.FoldOf(sum)), slides.Spec())
		endOf[windowed, change](t, b, topology.Changes)
	},
	"session": func(t *testing.T, b *bench) {
		put(b, operator.SessionAggregate(visits.Spec(), window.Sessions(10e6), operator.Sessions{
			Initial: operator.InitialOf(zero), Fold: operator.FoldOf(sum), Merge: operator.MergeOf(join),
		}), visits.Spec())
		endOf[windowed, change](t, b, topology.Changes)
	},
	"regroup": func(t *testing.T, b *bench) {
		put(b, operator.ToTable(rows.Spec()), rows.Spec())
		add(b, topology.Changes, topology.Records, operator.Regroup(same, serde.Int64))
		end[int64, change](t, b)
	},
	"join": func(t *testing.T, b *bench) {
		view := operator.ViewOf[int64, int64](operator.RowsIn(rows.Spec()))
		add(b, topology.Records, topology.Records, operator.StreamTable(view, true, sum), rows.Spec())
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
			raw := &topology.Raw{Key: number(1), Value: number(2), Timestamp: 7}
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
