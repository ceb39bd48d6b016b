package topology_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// golden compares with a file. MILLSTREAM_REWRITE=1 writes it anew: commit only what you understand.
func golden(t *testing.T, name, got string) {
	path := filepath.Join("testdata", name)
	if os.Getenv("MILLSTREAM_REWRITE") == "1" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// countsAndWindows has two sub-topologies, with a repartition topic between them and a store of each kind.
func countsAndWindows(b *streams.Builder) {
	paid := streams.From(b, in).Filter(func(v string) bool { return v != "" })
	streams.GroupBy(paid, self, byWord).Count(counts).ToStream().To(out)
	windows := state.NewWindow("windows", serde.String, serde.Int64)
	final := paid.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(windows).Final()
	final.ByKey().To(out)
}

func TestDescribe(t *testing.T) {
	topo := compile(t, countsAndWindows)
	golden(t, "describe.txt", topo.Describe())
	golden(t, "describe.mmd", topo.Mermaid())
	golden(t, "describe.dot", topo.DOT())
	text, err := topo.JSON()
	require.NoError(t, err)
	golden(t, "describe.json", string(text))
	text, err = topo.Lock().JSON()
	require.NoError(t, err)
	golden(t, "lock.json", string(text))
}

// TestChosenTopics are described by the pattern that they match.
func TestChosenTopics(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		streams.From(b, in).ToEach(streams.NewTopicPattern("user-.+", serde.String, serde.String),
			func(streams.Record[string, string]) (string, error) { return "user-1", nil })
	})
	require.Contains(t, topo.Describe(), "Sink: sink-1 (extractor class: any of user-.+)\n")
	require.Contains(t, topo.DOT(), `label="any of user-.+", shape=parallelogram`)
	require.Contains(t, topo.Mermaid(), `[/"any of user-.+"/]`)
	text, err := topo.JSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"topicPattern": "user-.+"`)
	require.Contains(t, string(text), `"pattern": true`)
	_, sinks := topo.ExternalTopics()
	require.Empty(t, sinks)
}

// TestOddNames: a user's operator may be called anything.
func TestOddNames(t *testing.T) {
	g := graph.NewGraph()
	site := graph.Site()
	topic := &graph.Topic{Name: "in", Site: site}
	source := graph.AddSource[string, string](g, topic, serde.String, serde.String, nil)
	odd, parents := "say \"a\\N\"\n#1 <b>]", []*graph.Node{source}
	graph.AddProcessor[string, string, string, string](g, odd, site, parents, nil, nil)
	compiled, err := graph.Compile(g, "app")
	require.NoError(t, err)
	topo := (*topology.Topology)(compiled)
	require.Contains(t, topo.DOT(), `n1 [label="say \"a\\N\"\n#1 <b>]-1", style=rounded]`+"\n")
	require.Contains(t, topo.Mermaid(), `n1["say #quot;a\N#quot; #35;1 <b>]-1"]`+"\n")
	text, err := topo.JSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"say \"a\\N\"\n#1 <b>]-1"`)
}

// TestTopicThatIsReadAndWritten is drawn once, and listed once for each.
func TestTopicThatIsReadAndWritten(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		streams.From(b, in).Filter(func(v string) bool { return len(v) > 9 }).To(in)
		streams.From(b, other).To(in)
	})
	require.Equal(t, 1, strings.Count(topo.DOT(), `label="in"`))
	text, err := topo.JSON()
	require.NoError(t, err)
	var got struct{ Topics []struct{ Name, Kind string } }
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, []struct{ Name, Kind string }{{"in", "source"}, {"in", "sink"}, {"other", "source"}}, got.Topics)
}

func TestPatternsAreDescribed(t *testing.T) {
	topo := compile(t, countUsers)
	require.Contains(t, topo.Describe(), "Source: source-0 (topics: user-.+)\n")
	require.Contains(t, topo.DOT(), `label="any of user-.+"`)
	text, err := topo.JSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"topicPattern": "user-.+"`)
	lock := topo.Lock()
	require.Equal(t, "any of user-.+", lock.Sources[0].Name)
	require.Equal(t, []string{"any of user-.+"}, lock.Stores[1].Inputs)
	changes := compile(t, countsAndWindows).Lock().Compare(lock)
	require.Contains(t, changes[len(changes)-1].Text, "is new: topics that match are read from the earliest record")
}
