package rescale_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestImportsNothingThatIsNotTheApplications: a snapshot that names a topic of others does not have it deleted, and
// none is imported while partitions are being changed.
func TestImportsNothingThatIsNotTheApplications(t *testing.T) {
	c := newCounter(t)
	c.more(t)
	files := filepath.Join(t.TempDir(), "files")
	_, err := rescale.Export(t.Context(), counting(c, 0), files)
	require.NoError(t, err)
	c.until(t, counting(c, 6), "saved")
	_, err = rescale.Import(t.Context(), counting(c, 0), files, rescale.AtStart, true)
	var no *rescale.DeclinedError
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "are being changed")

	head := filepath.Join(files, "state.json")
	text, err := os.ReadFile(head)
	require.NoError(t, err)
	more := `"topics": [{"name": "in", "partitions": 1, "rows": 0, "sum": ""},`
	require.NoError(t, os.WriteFile(head, []byte(strings.Replace(string(text), `"topics": [`, more, 1)), 0o600))
	there := newCounter(t)
	_, err = rescale.Import(t.Context(), counting(there, 0), files, rescale.AtStart, true)
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "has topic in, which the lock file does not name")
}

// TestGuessesNothing: where a repartition topic happens to have as many partitions as the inputs, a lock file does not
// tell what is behind it.
func TestGuessesNothing(t *testing.T) {
	b, str := broker.New(t), serde.String
	in := streams.NewTopic("in", str, str)
	builder := streams.NewBuilder("behind")
	self := func(v string) string { return v }
	first := streams.GroupBy(streams.From(builder, in), self, streams.NewRepartition("first", str, str).Partitions(4))
	counts := first.Count(state.NewKeyValue("counts", str, serde.Int64)).ToStream()
	streams.GroupBy(streams.MapValues(counts, text), self, streams.NewRepartition("second", str, str)).
		Count(state.NewKeyValue("of-counts", str, serde.Int64))
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopics(t.Context(), 4, in))
	require.NoError(t, broker.Produce(t.Context(), b, in, streams.NewRecord("", "a", began.UnixMilli())))
	run(t, b, topo, t.TempDir())

	r := request(b, topo, 12)
	r.Mappings, r.Topology, r.ByKey = nil, nil, []string{"counts", "of-counts"}
	_, err = rescale.Run(t.Context(), r)
	var no *rescale.DeclinedError
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "as many as the inputs")
	r = request(b, topo, 12)
	r.Mappings = nil
	plan, err := rescale.Run(t.Context(), r)
	require.NoError(t, err)
	require.Empty(t, plan.Topics, "what is behind the first one keeps its layout")
}
