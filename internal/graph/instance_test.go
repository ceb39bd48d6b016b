package graph_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// step is a processor of text that notes its life in a log.
type step struct {
	name string
	log  *[]string
	fail error
}

func (s *step) Init(ctx *graph.Context[string, string]) error {
	*s.log = append(*s.log, "init "+s.name)
	return nil
}

func (s *step) Process(ctx *graph.Context[string, string], r graph.Record[string, string]) error {
	*s.log = append(*s.log, s.name)
	if s.fail != nil {
		return s.fail
	}
	return ctx.Forward(r)
}

func (s *step) Close() error {
	*s.log = append(*s.log, "close "+s.name)
	return s.fail
}

// chain is a source of text with steps behind it.
type chain struct {
	*graph.Graph
	log []string
}

func newChain() (*chain, *graph.Node) {
	g := &chain{Graph: graph.NewGraph()}
	return g, graph.AddSource(g.Graph, &graph.Topic{Name: "in"}, serde.String, serde.String, nil)
}

func (g *chain) step(name string, fail error, parents ...*graph.Node) *graph.Node {
	return graph.AddProcessor(g.Graph, name, "site", parents, nil,
		func() graph.Processor[string, string, string, string] {
			return &step{name: name, log: &g.log, fail: fail}
		})
}

func (g *chain) link(t *testing.T, outbox *graph.Outbox) *graph.Instance {
	topo, err := graph.Compile(g.Graph, "app")
	require.NoError(t, err)
	instance, err := topo.Link(graph.TaskID{}, nil, outbox)
	require.NoError(t, err)
	return instance
}

func take(t *testing.T, in *graph.Instance, raw graph.Raw) error {
	_, err := in.Inlets["in"].Decode(&raw, -1)
	require.NoError(t, err)
	return in.Inlets["in"].Process()
}

func TestLifeOfAnInstance(t *testing.T) {
	g, source := newChain()
	first := g.step("first", nil, source)
	second := g.step("second", nil, source)
	g.step("both", nil, first, second)
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	require.Equal(t, []string{"init both", "init first", "init second"}, g.log, "those behind others first, each once")

	g.log = nil
	require.NoError(t, take(t, in, graph.Raw{Key: []byte("k"), Value: []byte("v")}))
	require.Equal(t, []string{"first", "both", "second", "both"}, g.log, "depth first, in the order of declaration")

	g.log = nil
	require.NoError(t, in.Close(func(call func() error) error { return call() }))
	require.Equal(t, []string{"close both", "close first", "close second"}, g.log)
}

func TestAnInstanceKnowsTheNodeThatFailed(t *testing.T) {
	bad := errors.New("bad")
	g, source := newChain()
	fine := g.step("fine", nil, source)
	failing := g.step("failing", bad, fine)
	g.step("after", nil, source)
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	require.ErrorIs(t, take(t, in, graph.Raw{}), bad)
	require.Same(t, failing, in.Node())
	require.NotContains(t, g.log, "after", "an error ends the record")
	require.ErrorIs(t, in.Close(func(call func() error) error { return call() }), bad)
	require.Contains(t, g.log, "close after", "and ends no Close but its own")
}

func TestBeforeMovesANodeInFrontOfASibling(t *testing.T) {
	g, source := newChain()
	second := g.step("second", nil, source)
	first := g.step("first", nil, source)
	first.Before(second)
	first.Before(second) // is there already
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	g.log = nil
	require.NoError(t, take(t, in, graph.Raw{}))
	require.Equal(t, []string{"first", "second"}, g.log)
}

func TestNodesOfDifferentTypesDoNotLink(t *testing.T) {
	g, source := newChain()
	graph.AddSink(g.Graph, &graph.Topic{Name: "out"}, "site", source, serde.String, serde.Int64)
	topo, err := graph.Compile(g.Graph, "app")
	require.NoError(t, err)
	_, err = topo.Link(graph.TaskID{}, nil, &graph.Outbox{})
	require.ErrorContains(t, err, "source-0 hands on records of string and string, sink-1 takes string and int64")
}

func TestASinkTellsNullFromEmpty(t *testing.T) {
	g, source := newChain()
	graph.AddSink(g.Graph, &graph.Topic{Name: "out"}, "site", source, serde.String, serde.String)
	var box graph.Outbox
	in := g.link(t, &box)
	for _, raw := range []graph.Raw{
		{Key: []byte{}, Value: []byte{}}, {Key: []byte("k")}, {Value: []byte("v"), Timestamp: 7},
	} {
		require.NoError(t, take(t, in, raw))
	}
	out := box.Drain()
	require.Len(t, out, 3)
	require.Equal(t, [][]byte{{}, {}, []byte("k"), nil, nil, []byte("v")},
		[][]byte{out[0].Key, out[0].Value, out[1].Key, out[1].Value, out[2].Key, out[2].Value})
	require.Equal(t, int64(7), out[2].Timestamp)
	require.Equal(t, graph.ByKey, out[0].Partition)
}

func TestDecodeSaysWhatIsWrongWithARecord(t *testing.T) {
	g := graph.NewGraph()
	graph.AddSource(g, &graph.Topic{Name: "in"}, serde.Int64, serde.Int64, nil)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	in, err := topo.Link(graph.TaskID{}, nil, nil)
	require.NoError(t, err)
	decode := func(raw graph.Raw) error {
		_, err := in.Inlets["in"].Decode(&raw, -1)
		return err
	}
	require.NoError(t, decode(graph.Raw{}))
	require.ErrorIs(t, decode(graph.Raw{Key: []byte("short")}), graph.ErrDeserialize)
	require.ErrorContains(t, decode(graph.Raw{Key: []byte("short")}), "key")
	require.ErrorIs(t, decode(graph.Raw{Value: []byte("short")}), graph.ErrDeserialize)
	require.ErrorIs(t, decode(graph.Raw{Timestamp: -1}), graph.ErrTimestamp)
}

// TestOutboxKeepsWhatItWasGiven fills several chunks, with values larger than one among them, and looks at all of them
// at the end.
func TestOutboxKeepsWhatItWasGiven(t *testing.T) {
	var box graph.Outbox
	var kept, want [][]byte
	for i := range 300 {
		text := bytes.Repeat([]byte{byte(i)}, i*i%5_000)
		if i%100 == 7 {
			text = bytes.Repeat([]byte{byte(i)}, 200_000)
		}
		kept, want = append(kept, box.Keep(append(box.Room(), text...))), append(want, text)
	}
	for i := range want {
		require.True(t, bytes.Equal(want[i], kept[i]), "value %d", i)
		require.Equal(t, len(kept[i]), cap(kept[i]), "an append must not reach the next value")
	}
}

func TestOutboxTruncateTakesTheLastOutputsBack(t *testing.T) {
	var box graph.Outbox
	for _, topic := range []string{"a", "b", "c"} {
		box.Add(graph.Output{Topic: topic})
	}
	box.Truncate(1)
	require.Equal(t, 1, box.Len())
	require.Equal(t, []graph.Output{{Topic: "a"}}, box.Drain())
	require.Zero(t, box.Len())
}
