package streams_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// lonely is a hook that serves one client only, as one does that registers metrics.
type lonely struct{ clients int }

func (l *lonely) OnNewClient(*kgo.Client) {
	if l.clients++; l.clients > 1 {
		panic("registered twice")
	}
}

// TestOptionsOfOneClient: each client has hooks of its own, also those of a worker that begins again.
func TestOptionsOfOneClient(t *testing.T) {
	r := newCountRig(t)
	var mu sync.Mutex
	made := map[string]int{}
	hooked := func(c streams.Client) []kgo.Opt {
		mu.Lock()
		defer mu.Unlock()
		made[c.String()]++
		return []kgo.Opt{kgo.WithHooks(&lonely{})}
	}
	config := r.config(t.TempDir())
	config.Workers, config.KafkaFor = 2, hooked
	stop := r.startRunning(countWords, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch})
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	config = r.config(t.TempDir())
	config.KafkaFor = hooked
	_, stopAgain := r.start(countWords, config)
	r.requireCounts("per-key", 10)
	r.send(20)
	r.requireCounts("per-word", 7)
	require.NoError(t, stopAgain())

	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 2, made["admin"])
	require.Positive(t, made["worker-0"])
	require.Positive(t, made["worker-1"])
	require.Greater(t, made["worker-0"]+made["worker-1"], 3, "a worker has begun again")
	require.Positive(t, made["restore-0"], "a new directory is restored")
	var names []string
	for name := range made {
		names = append(names, name)
	}
	require.NotContains(t, slices.Sorted(slices.Values(names)), "global-0", "there is no global table")
}
