package docs

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/rescale"
	"github.com/millstream-go/millstream/testkit/broker"
)

func changePartitions(ctx context.Context, topo *streams.Topology, brokers []string) (*rescale.Plan, error) {
	plan, err := rescale.Run(ctx, topo, streams.Config{Brokers: brokers}, rescale.Options{
		Partitions: 12,
		Mappings: map[string]rescale.Mapping{
			"seen": func(key, _ []byte, partitions int32) (int32, error) { // rows under an id: customer-number
				customer, _, _ := bytes.Cut(key, []byte("-"))
				return rescale.PartitionOf(customer, partitions), nil
			},
		},
		Execute: true,
	})
	return plan, err
}

func TestChangePartitions(t *testing.T) {
	orders := streams.NewTopic("numbered-orders", serde.String, serde.String)
	seen := state.NewKeyValue("seen", serde.String, serde.Bool)
	b := streams.NewBuilder("seen-app")
	streams.Process(streams.From(b, orders), streams.ProcessFunc(
		func(ctx *streams.Context[string, string], r streams.Record[string, string]) error {
			return seen.In(ctx).Put(r.Value, true, r.Timestamp)
		}), seen)
	topo, err := b.Build()
	require.NoError(t, err)
	kafka := broker.New(t)
	require.NoError(t, kafka.CreateTopics(t.Context(), 4, orders))
	for _, customer := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, broker.Produce(t.Context(), kafka, orders, streams.NewRecord(customer, customer+"-1", 1)))
	}
	app, err := streams.New(topo, streams.Config{Brokers: kafka.Addrs(), StateDir: t.TempDir()})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }() // ends with ctx
	require.NoError(t, kafka.WaitProcessed(ctx, topo))
	stop()
	require.NoError(t, <-ended)

	_, err = rescale.Run(t.Context(), topo, streams.Config{Brokers: kafka.Addrs()}, rescale.Options{Partitions: 12})
	require.ErrorContains(t, err, "give a Mapping", "the ids do not lie by their own hash")
	plan, err := changePartitions(t.Context(), topo, kafka.Addrs())
	require.NoError(t, err)
	require.EqualValues(t, "done", plan.Phase)
	require.EqualValues(t, 5, plan.Topics[0].Rows.Rows)
}
