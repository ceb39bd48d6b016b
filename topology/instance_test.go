package topology_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/topology"
)

// step is a processor of text that notes its life in a log.
type step struct {
	name string
	log  *[]string
	fail error
}

func (s *step) Init(ctx *topology.Context[string, string]) error {
	*s.log = append(*s.log, "init "+s.name)
	return nil
}

func (s *step) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
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

// graph is a source of text with steps behind it.
type graph struct {
	*topology.Graph
	log []string
}

func newGraph() (*graph, *topology.Node) {
	g := &graph{Graph: topology.NewGraph()}
	return g, topology.AddSource(g.Graph, &topology.Topic{Name: "in"}, serde.String, serde.String, nil)
}

func (g *graph) step(name string, fail error, parents ...*topology.Node) *topology.Node {
	return topology.AddProcessor(g.Graph, name, "site", parents, nil,
		func() topology.Processor[string, string, string, string] {
			return &step{name: name, log: &g.log, fail: fail}
		})
}

func (g *graph) link(t *testing.T, outbox *topology.Outbox) *topology.Instance {
	topo, err := topology.Compile(g.Graph, "app")
	require.NoError(t, err)
	instance, err := topo.Link(topology.TaskID{}, nil, outbox)
	require.NoError(t, err)
	return instance
}

func take(t *testing.T, in *topology.Instance, raw topology.Raw) error {
	_, err := in.Inlets["in"].Decode(&raw, -1)
	require.NoError(t, err)
	return in.Inlets["in"].Process()
}

func TestLifeOfAnInstance(t *testing.T) {
	g, source := newGraph()
	first := g.step("first", nil, source)
	second := g.step("second", nil, source)
	g.step("both", nil, first, second)
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	require.Equal(t, []string{"init both", "init first", "init second"}, g.log, "those behind others first, each once")

	g.log = nil
	require.NoError(t, take(t, in, topology.Raw{Key: []byte("k"), Value: []byte("v")}))
	require.Equal(t, []string{"first", "both", "second", "both"}, g.log, "depth first, in the order of declaration")

	g.log = nil
	require.NoError(t, in.Close(func(call func() error) error { return call() }))
	require.Equal(t, []string{"close both", "close first", "close second"}, g.log)
}

func TestAnInstanceKnowsTheNodeThatFailed(t *testing.T) {
	bad := errors.New("bad")
	g, source := newGraph()
	fine := g.step("fine", nil, source)
	failing := g.step("failing", bad, fine)
	g.step("after", nil, source)
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	require.ErrorIs(t, take(t, in, topology.Raw{}), bad)
	require.Same(t, failing, in.Node())
	require.NotContains(t, g.log, "after", "an error ends the record")
	require.ErrorIs(t, in.Close(func(call func() error) error { return call() }), bad)
	require.Contains(t, g.log, "close after", "and ends no Close but its own")
}

func TestBeforeMovesANodeInFrontOfASibling(t *testing.T) {
	g, source := newGraph()
	second := g.step("second", nil, source)
	first := g.step("first", nil, source)
	first.Before(second)
	first.Before(second) // is there already
	in := g.link(t, nil)
	require.NoError(t, in.Init())
	g.log = nil
	require.NoError(t, take(t, in, topology.Raw{}))
	require.Equal(t, []string{"first", "second"}, g.log)
}

func TestNodesOfDifferentTypesDoNotLink(t *testing.T) {
	g, source := newGraph()
	topology.AddSink(g.Graph, &topology.Topic{Name: "out"}, "site", source, serde.String, serde.Int64)
	topo, err := topology.Compile(g.Graph, "app")
	require.NoError(t, err)
	_, err = topo.Link(topology.TaskID{}, nil, &topology.Outbox{})
	require.ErrorContains(t, err, "source-0 hands on records of string and string, sink-1 takes string and int64")
}

func TestASinkTellsNullFromEmpty(t *testing.T) {
	g, source := newGraph()
	topology.AddSink(g.Graph, &topology.Topic{Name: "out"}, "site", source, serde.String, serde.String)
	var box topology.Outbox
	in := g.link(t, &box)
	for _, raw := range []topology.Raw{
		{Key: []byte{}, Value: []byte{}}, {Key: []byte("k")}, {Value: []byte("v"), Timestamp: 7},
	} {
		require.NoError(t, take(t, in, raw))
	}
	out := box.Drain()
	require.Len(t, out, 3)
	require.Equal(t, [][]byte{{}, {}, []byte("k"), nil, nil, []byte("v")},
		[][]byte{out[0].Key, out[0].Value, out[1].Key, out[1].Value, out[2].Key, out[2].Value})
	require.Equal(t, int64(7), out[2].Timestamp)
	require.Equal(t, topology.ByKey, out[0].Partition)
}

func TestDecodeSaysWhatIsWrongWithARecord(t *testing.T) {
	g := topology.NewGraph()
	topology.AddSource(g, &topology.Topic{Name: "in"}, serde.Int64, serde.Int64, nil)
	topo, err := topology.Compile(g, "app")
	require.NoError(t, err)
	in, err := topo.Link(topology.TaskID{}, nil, nil)
	require.NoError(t, err)
	decode := func(raw topology.Raw) error {
		_, err := in.Inlets["in"].Decode(&raw, -1)
		return err
	}
	require.NoError(t, decode(topology.Raw{}))
	require.ErrorIs(t, decode(topology.Raw{Key: []byte("short")}), topology.ErrDeserialize)
	require.ErrorContains(t, decode(topology.Raw{Key: []byte("short")}), "key")
	require.ErrorIs(t, decode(topology.Raw{Value: []byte("short")}), topology.ErrDeserialize)
	require.ErrorIs(t, decode(topology.Raw{Timestamp: -1}), topology.ErrTimestamp)
}

// TestOutboxKeepsWhatItWasGiven fills several chunks, with values larger than one among them, and looks at all of them
// at the end.
func TestOutboxKeepsWhatItWasGiven(t *testing.T) {
	var box topology.Outbox
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
	var box topology.Outbox
	for _, topic := range []string{"a", "b", "c"} {
		box.Add(topology.Output{Topic: topic})
	}
	box.Truncate(1)
	require.Equal(t, 1, box.Len())
	require.Equal(t, []topology.Output{{Topic: "a"}}, box.Drain())
	require.Zero(t, box.Len())
}
