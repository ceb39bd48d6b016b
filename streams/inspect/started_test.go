package inspect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/window"
)

// TestNewestWindowsOfATaskThatStarts: before its first commit a task shows all that was committed before, also windows
// that have begun within the grace period.
func TestNewestWindowsOfATaskThatStarts(t *testing.T) {
	build := streams.NewBuilder("started")
	late := state.NewWindow("late", serde.String, serde.Int64)
	hours := window.Tumbling(time.Minute).Grace(time.Hour)
	streams.From(build, words).GroupByKey().WindowedBy(hours).Count(late)
	topo, err := build.Build()
	require.NoError(t, err)
	b := broker.New(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	first, second := (150 * time.Minute).Milliseconds(), (181 * time.Minute).Milliseconds()
	require.NoError(t, broker.Produce(t.Context(), b, words, at("a", first), at("a", second)))
	want := texts(p.rows(t, `late?key=a&position={"words":{"0":2}}`))
	require.Equal(t, []string{"a=1@9000000", "a=1@10860000"}, want)
	require.NoError(t, p.stop())
	p.start(t)
	rows := p.rows(t, "late?key=a")
	require.Equal(t, want, texts(rows))
	require.Equal(t, second, *rows.StreamTime)
}
