package rescale_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestAnswersFindALeftTableThatMoved: of a foreign-key join the left table alone gets more partitions. The
// subscriptions stay where they are, and tell where their answers go.
func TestAnswersFindALeftTableThatMoved(t *testing.T) {
	b, str := broker.New(t), serde.String
	people, towns := streams.NewTopic("people", str, str), streams.NewTopic("towns", str, str)
	out := streams.NewTopic("out", str, str)
	builder := streams.NewBuilder("homes")
	left := streams.TableFrom(builder, people, state.NewKeyValue("people-rows", str, str))
	right := streams.TableFrom(builder, towns, state.NewKeyValue("town-rows", str, str))
	streams.JoinForeignKey(left, right, streams.NewForeignKey("home", str, str, str, str),
		state.NewKeyValue("joined", str, str),
		func(_, town string) streams.Optional[string] { return streams.Some(town) },
		func(_, town string) string { return town }).ToStream().To(out)
	topo, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, b.CreateTopics(t.Context(), 4, people, towns))
	require.NoError(t, b.CreateTopics(t.Context(), 1, out))
	dir, want := t.TempDir(), map[string]string{}
	for i := range 60 {
		person := fmt.Sprint("person ", i)
		want[person] = "new"
		r := streams.NewRecord(person, fmt.Sprint("town ", i%7), began.UnixMilli())
		require.NoError(t, broker.Produce(t.Context(), b, people, r))
	}
	rename := func(to string) {
		for i := range 7 {
			r := streams.NewRecord(fmt.Sprint("town ", i), to, began.UnixMilli())
			require.NoError(t, broker.Produce(t.Context(), b, towns, r))
		}
		run(t, b, topo, dir)
	}
	rename("old")

	r := request(b, topo, 0)
	r.Mappings, r.Inputs = nil, map[string]int32{"people": 6}
	plan, err := rescale.Run(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, rescale.Done, plan.Phase)
	rename("new")

	records, err := broker.Read(t.Context(), b, out)
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range records {
		got[r.Key] = r.Value
	}
	require.Equal(t, want, got)
}
