package rescale_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

// byUser places the rows of a store that are kept under an id: it begins with the number of the user.
func byUser(key, _ []byte, partitions int32) (int32, error) {
	id, _, ok := strings.Cut(string(key), "-")
	if !ok {
		id = "" // of the last records, which have a key of their own
	}
	if n := strings.TrimPrefix(id, "z1"); n != id || id == "" {
		return cluster.PartitionOf([]byte("end "+strings.TrimPrefix(string(key[:len(key)-12]), "z1")), partitions), nil
	}
	return cluster.PartitionOf([]byte("user "+id), partitions), nil
}

// byKey is where rows are anyway.
func byKey(key, _ []byte, partitions int32) (int32, error) {
	return cluster.PartitionOf(key, partitions), nil
}

func request(b *broker.Broker, topo *topology.Topology, partitions int32) rescale.Request {
	return rescale.Request{
		Lock: topo.Lock(), Topology: (*graph.Topology)(topo), Partitions: partitions, Execute: true,
		Mappings: map[string]rescale.Mapping{"seen": byUser},
		Connect: func(more ...kgo.Opt) (*kgo.Client, error) {
			return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addrs()...)}, more...)...)
		},
	}
}

// TestMorePartitionsWithState: an application that goes from 4 to 6 to 12 partitions gives the answers of one that
// had 12 from the start.
func TestMorePartitionsWithState(t *testing.T) {
	b := broker.New(t)
	compareWithTwelve(t, b, func(t *testing.T, topo *topology.Topology, partitions int32) {
		r := request(b, topo, partitions)
		r.Say = t.Logf
		plan, err := rescale.Run(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, rescale.Done, plan.Phase)
	})
}

// compareWithTwelve runs two applications over the same records.
func compareWithTwelve(
	t *testing.T, b *broker.Broker, change func(t *testing.T, topo *topology.Topology, partitions int32),
) {
	const seed = 7
	t.Log("seed", seed)
	f := newFeed(seed)
	grows, twelve := newShop("grows"), newShop("twelve")
	grows.create(t, b, 4)
	twelve.create(t, b, 12)
	topo, err := grows.build("grows-app")
	require.NoError(t, err)
	other, err := twelve.build("twelve-app")
	require.NoError(t, err)
	dir := t.TempDir()
	for i, partitions := range []int32{6, 12, 0, 0} {
		batch := f.batch(300)
		if i == 3 {
			batch = f.last()
		}
		grows.produce(t, b, batch)
		twelve.produce(t, b, batch)
		run(t, b, topo, dir)
		if partitions > 0 {
			change(t, topo, partitions)
		}
	}
	run(t, b, other, t.TempDir())
	want, got := twelve.answers(t, b), grows.answers(t, b)
	for topic, records := range want {
		require.NotEmpty(t, records, topic)
		require.Equal(t, strings.Join(records, "\n"), strings.Join(got[topic], "\n"), topic)
	}
	require.Len(t, got, len(want))
}

var errBrokenOff = errors.New("broken off")

// TestBrokenOffAnywhere: the change ends at each of its steps once, and goes on.
func TestBrokenOffAnywhere(t *testing.T) {
	b := broker.New(t)
	compareWithTwelve(t, b, func(t *testing.T, topo *topology.Topology, partitions int32) {
		met, tried := map[string]int{}, map[rescale.Phase]bool{}
		for {
			r := request(b, topo, partitions)
			broken := ""
			r.At = func(_ context.Context, step string) error {
				if met[step]++; met[step] == 1 {
					broken = step
					return fmt.Errorf("%w at %s", errBrokenOff, step)
				}
				return nil
			}
			plan, err := rescale.Run(t.Context(), r)
			if err == nil {
				require.Equal(t, rescale.Done, plan.Phase)
				break
			}
			require.ErrorIs(t, err, errBrokenOff)
			if broken == string(rescale.Done) {
				break
			}
			if !tried[plan.Phase] {
				tried[plan.Phase] = true
				mustNotStart(t, b, topo, plan.Phase)
			}
		}
		require.Greater(t, len(met), 50)
	})
}
