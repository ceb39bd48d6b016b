package rescale_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

// TestMorePartitionsOnKafka is TestMorePartitionsWithState on a real broker.
func TestMorePartitionsOnKafka(t *testing.T) {
	b, err := broker.Connect(kafkatest.Start(t).Addrs...)
	require.NoError(t, err)
	defer b.Close()
	compareWithTwelve(t, b, func(t *testing.T, topo *topology.Topology, partitions int32) {
		r := request(b, topo, partitions)
		r.Say = t.Logf
		plan, err := rescale.Run(t.Context(), r)
		for tries := 0; err != nil && tries < 5; tries++ { // a broker that is slow to answer
			var no *rescale.DeclinedError
			require.False(t, errors.As(err, &no), err)
			t.Log(err)
			plan, err = rescale.Run(t.Context(), r)
		}
		require.NoError(t, err)
		require.Equal(t, rescale.Done, plan.Phase)
	})
}

// TestOneCommandAtATimeOnKafka is TestOneCommandAtATime on a real broker.
func TestOneCommandAtATimeOnKafka(t *testing.T) {
	b, err := broker.Connect(kafkatest.Start(t).Addrs...)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	oneAtATime(t, newCounterOn(t, b), "saved")
}
