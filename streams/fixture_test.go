package streams_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

// What most tests use: one topic in, one out, all of it text.
var (
	in     = streams.NewTopic("in", serde.String, serde.String)
	other  = streams.NewTopic("other", serde.String, serde.String)
	out    = streams.NewTopic("out", serde.String, serde.String)
	counts = streams.NewTopic("out", serde.String, serde.Int64)
	rekey  = streams.NewRepartition("rekey", serde.String, serde.String)
	rows   = state.NewKeyValue("rows", serde.String, serde.String)
	tally  = state.NewKeyValue("tally", serde.String, serde.Int64)
)

type (
	record = streams.Record[string, string]
	stream = streams.Stream[string, string]
	drops  = map[streams.DropReason]int64
)

func rec(key, value string, at int64) record {
	return record{Key: key, Value: value, Timestamp: at}
}

func nullValue(key string, at int64) record {
	return record{Key: key, NullValue: true, Timestamp: at}
}

func nullKey(value string, at int64) record {
	return record{NullKey: true, Value: value, Timestamp: at}
}

func withHeader(r record, name string) record {
	r.Headers = []streams.Header{{Key: name, Value: []byte(name)}}
	return r
}

func build(t testing.TB, b *streams.Builder) *topology.Topology {
	t.Helper()
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

// compiled is the topology of b as the engine has it.
func compiled(t testing.TB, b *streams.Builder) *graph.Topology {
	t.Helper()
	return (*graph.Topology)(build(t, b))
}

// drive makes a driver for the topology of b.
func drive(t testing.TB, b *streams.Builder, opts ...testkit.Option) *testkit.Driver {
	t.Helper()
	return testkit.New(t, build(t, b), opts...)
}

// pipe sends records to topic in.
func pipe(d *testkit.Driver, records ...record) {
	for _, r := range records {
		testkit.Input(d, in).PipeRecord(r)
	}
}

// apart are two keys whose records go to different partitions of topic in.
func apart(t testing.TB, d *testkit.Driver) (one, another string) {
	t.Helper()
	for _, key := range []string{"b", "c", "d", "e", "f", "g"} {
		if testkit.PartitionOf(d, in, key) != testkit.PartitionOf(d, in, "a") {
			return "a", key
		}
	}
	require.Fail(t, "all keys go to one partition")
	return "", ""
}

// through is what comes out of topic out when records go into topic in and through the steps between.
func through(t *testing.T, steps func(*stream) *stream, records ...record) []record {
	t.Helper()
	b := streams.NewBuilder("app")
	steps(streams.From(b, in)).To(out)
	d := drive(t, b)
	pipe(d, records...)
	return testkit.Output(d, out).Read()
}

// lineAbove is the file:line in front of the call.
func lineAbove() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file, line-1)
}

// mistakes is the text of Build's error.
func mistakes(t *testing.T, b *streams.Builder) string {
	t.Helper()
	_, err := b.Build()
	require.Error(t, err)
	return err.Error()
}
