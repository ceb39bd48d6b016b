//go:build synctests

package cluster

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

var (
	amounts = streams.NewTopic("amounts", serde.String, serde.Int64)
	totals  = streams.NewTopic("totals", serde.String, serde.Int64)
	sums    = state.NewKeyValue("sums", serde.String, serde.Int64)
)

// summing adds up n records.
func summing(n int) Job {
	var records []streams.Record[string, int64]
	for i := range n {
		records = append(records, streams.Record[string, int64]{
			Key: fmt.Sprint("key-", i%7), Value: int64(i), Timestamp: 946_684_800_000 + int64(i),
		})
	}
	return Job{
		Topology: func() (*topology.Topology, error) {
			b := streams.NewBuilder("transactions")
			zero, add := func() int64 { return 0 }, func(_ string, n, sum int64) int64 { return sum + n }
			streams.Aggregate(streams.From(b, amounts).GroupByKey(), sums, zero, add).ToStream().To(totals)
			return b.Build()
		},
		Inputs:    []Input{In(amounts, 2, records...)},
		Outputs:   []Output{Out(totals, 2, Same)},
		Instances: 2,
	}
}

// TestEachErrorOfEachTransactionalRequest: once, three times, and for a while, from brokers of today and from those
// before transaction version 2. Nothing is lost, nothing comes twice, and no process ends.
func TestEachErrorOfEachTransactionalRequest(t *testing.T) {
	for version, brokers := range map[string][]kfake.Opt{
		"today": nil, "3.5": {kfake.MaxVersions(kversion.V3_5_0())},
	} {
		job := summing(100)
		job.brokers = brokers
		for request, key := range transactional {
			for code, answer := range transactionErrors {
				met := &tally{}
				err := job.try(t, uint64(request*100+code), answering(request, code), met)
				require.NoError(t, err, "%s: %v, %v", version, key, answer)
				if before2 := key == kmsg.AddPartitionsToTxn || key == kmsg.AddOffsetsToTxn; brokers != nil || !before2 {
					name := fmt.Sprintf("transaction-error %v %s", key.Name(), answer.Message)
					require.Equal(t, len(timesAnswered), met.counts[name], "%s: %v", version, met)
				}
			}
		}
	}
}

// answering is a script in which a request is answered with an error: once, three times, and for a while. Each time an
// instance is started again, so that a producer begins.
func answering(request, code int) (s script) {
	for k, at := range []time.Duration{5 * time.Second, 13 * time.Second, 21 * time.Second} {
		s = append(s,
			fault{kind: "transaction-error", at: at, lasts: 12 * time.Second, n: request + k*len(transactional), after: code},
			fault{kind: "restart", at: at + 2*time.Second, on: k % 2, lasts: time.Second})
	}
	return s
}

// TestMarkersOnTheirWay: what is refused for the markers of the transaction before is sent again at once. A second is
// virtual, and none of the brokers' requests takes one.
func TestMarkersOnTheirWay(t *testing.T) {
	job, slowest, commits := summing(400), time.Duration(0), 0
	var mu sync.Mutex
	job.Config.Events.Committed = func(c streams.Commit) {
		mu.Lock()
		defer mu.Unlock()
		slowest, commits = max(slowest, c.Flush), commits+1
	}
	require.NoError(t, job.try(t, 1, nil, &tally{}))
	require.Greater(t, commits, 100)
	require.Less(t, slowest, time.Second)
}

// TestIdleBeyondTheExpiryOfAProducer: brokers forget transactional ids and producers while nothing comes.
func TestIdleBeyondTheExpiryOfAProducer(t *testing.T) {
	job := summing(10) // one in four seconds
	job.brokers = []kfake.Opt{kfake.BrokerConfigs(map[string]string{
		"group.initial.rebalance.delay.ms": "0", "transactional.id.expiration.ms": "1000",
		"producer.id.expiration.ms": "1000",
	})}
	for seed := range uint64(5) {
		require.NoError(t, job.try(t, seed, nil, &tally{}))
	}
}

// TestEpochsOfAProducerComeToAnEnd: the epoch of a producer rises with each transaction, up to 32,767.
func TestEpochsOfAProducerComeToAnEnd(t *testing.T) {
	if os.Getenv("MILLSTREAM_SIM_EPOCHS") == "" {
		t.Skip("33,500 transactions take a minute: MILLSTREAM_SIM_EPOCHS=1")
	}
	job := summing(35_000)
	job.Instances, job.Config.CommitInterval = 1, time.Millisecond
	require.NoError(t, job.try(t, 1, nil, &tally{}))
}
