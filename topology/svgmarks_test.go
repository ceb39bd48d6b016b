package topology_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// TestPictureWithMarks: texts at the shapes and edges that they are for, and the same picture without any.
func TestPictureWithMarks(t *testing.T) {
	b := streams.NewBuilder("marked")
	in := streams.NewTopic("in", serde.String, serde.String)
	streams.From(b, in).To(streams.NewTopic("out", serde.String, serde.String))
	topo, err := b.Build()
	require.NoError(t, err)
	source := "source-0"
	svg := topo.SVGWith(topology.Marks{
		Topics: map[string]topology.Mark{"in": {Text: "lag <5>", Bad: true}},
		Nodes:  map[string]topology.Mark{source: {Title: "declared & there"}},
		Edges:  map[[2]string]topology.Mark{{"in", source}: {Text: "12/s"}},
	})
	_, names, _ := drawn(t, svg)
	require.Contains(t, names, source+"\ndeclared & there")
	require.Contains(t, svg, `class="mark bad"`)
	require.Contains(t, svg, "lag &lt;5&gt;</text>")
	require.Contains(t, svg, ">12/s</text>")
	require.Equal(t, topo.SVG(), topo.SVGWith(topology.Marks{}))
	require.NotContains(t, topo.SVG(), `class="mark`)
}
