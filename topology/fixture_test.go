package topology_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

var (
	in     = streams.NewTopic("in", serde.String, serde.String)
	other  = streams.NewTopic("other", serde.String, serde.String)
	out    = streams.NewTopic("out", serde.String, serde.Int64)
	counts = state.NewKeyValue("counts", serde.String, serde.Int64)
	rows   = state.NewKeyValue("rows", serde.String, serde.String)
	users  = streams.NewTopicPattern("user-.+", serde.String, serde.String)
	byWord = streams.NewRepartition("by-word", serde.String, serde.String)
)

func compile(t *testing.T, describe func(b *streams.Builder)) *topology.Topology {
	b := streams.NewBuilder("app")
	describe(b)
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

func self(v string) string { return v }

func in2() streams.Topic[string, string] {
	return streams.NewTopic("joined", serde.String, serde.String)
}

func countUsers(b *streams.Builder) {
	s := streams.FromPattern(b, users)
	s.GroupByKey().Count(counts).ToStream().To(out)
	streams.GroupBy(s, self, byWord).Count(state.NewKeyValue("by-word", serde.String, serde.Int64))
}

func wordCount(b *streams.Builder) {
	streams.GroupBy(streams.From(b, in), self, byWord).Count(counts).ToStream().To(out)
}
