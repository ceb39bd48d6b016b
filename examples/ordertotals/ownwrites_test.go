package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/streams"
)

const writers = 32

// TestOwnWrites: who produces an order, and asks at its offset, finds it in the total, and none twice, at the process
// that does not have the customer. MILLSTREAM_WRITES is how often (default 1,000).
func TestOwnWrites(t *testing.T) {
	w := &ownWrites{fleet: newFleet(newRig(t, kafkatest.Start(t).Addrs, 4)), writes: 1_000}
	if n, err := strconv.ParseInt(os.Getenv("MILLSTREAM_WRITES"), 10, 64); err == nil {
		w.writes = n
	}
	w.up(0)
	w.up(1)
	w.owners = w.waitShared(4)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Addrs()...), kgo.DefaultProduceTopic(Orders.Name()),
		kgo.ProducerLinger(0))
	require.NoError(t, err)
	defer client.Close()
	w.client = client

	began := time.Now()
	var wait sync.WaitGroup
	for n := range writers {
		wait.Go(func() { w.write(n, began) })
	}
	wait.Wait()
	require.False(t, t.Failed())
	slices.Sort(w.took.all)
	all := w.took.all
	require.GreaterOrEqual(t, int64(len(all)), w.writes)
	t.Logf("%d orders found by who produced them, in %.1f s; %d times 503; an answer took %v, 99 of 100 at most %v",
		len(all), time.Since(began).Seconds(), w.later.Load(), all[len(all)/2].Round(time.Millisecond),
		all[len(all)*99/100].Round(time.Millisecond))
}

type ownWrites struct {
	*fleet
	client       *kgo.Client
	owners       map[int32]int // by partition
	writes       int64
	begun, later atomic.Int64

	took struct {
		sync.Mutex
		all []time.Duration // of queries
	}
}

// write produces orders of customers of its own, all within a minute of event time, and looks for each.
func (w *ownWrites) write(writer int, at time.Time) {
	const customers = 8
	var orders, cents [customers]int64
	for n := 0; w.begun.Add(1) <= w.writes && !w.t.Failed(); n++ {
		i := n % customers
		o := Order{ID: fmt.Sprint(n), Customer: fmt.Sprintf("writer-%d-%d", writer, i), Product: "p-1", Cents: int64(n + 1)}
		partition, offset, ok := w.produce(o, at)
		if !ok {
			return
		}
		orders[i]++
		cents[i] += o.Cents
		w.find(o.Customer, partition, offset, Total{Customer: o.Customer, Orders: orders[i], Cents: cents[i]})
	}
}

func (w *ownWrites) produce(o Order, at time.Time) (partition int32, offset int64, ok bool) {
	value, err := json.Marshal(o)
	if !assert.NoError(w.t, err) {
		return 0, 0, false
	}
	r := &kgo.Record{Key: []byte(o.Customer), Value: value, Timestamp: at}
	err = w.client.ProduceSync(context.Background(), r).FirstErr()
	return r.Partition, r.Offset, assert.NoError(w.t, err)
}

// find asks the process that does not have the partition.
func (w *ownWrites) find(customer string, partition int32, offset int64, want Total) {
	position := streams.After(Orders.Name(), partition, offset)
	text, err := json.Marshal(position)
	if !assert.NoError(w.t, err) {
		return
	}
	other := w.members[1-w.owners[partition]]
	for {
		began := time.Now()
		status, rows, body := w.minutes(context.Background(), other, customer,
			url.Values{"position": {string(text)}, "wait": {"30s"}})
		if status == http.StatusServiceUnavailable {
			w.later.Add(1)
			continue
		}
		took := time.Since(began)
		if !assert.Equal(w.t, http.StatusOK, status, body) {
			return
		}
		a, err := answerOf(customer, rows)
		if !assert.NoError(w.t, err) || !assert.True(w.t, rows.Position.Reaches(position), body) ||
			!assert.Len(w.t, a.totals, 1, "stale: %s", body) {
			return
		}
		for _, t := range a.totals {
			assert.Equal(w.t, want, t, "stale: %s", body)
		}
		w.took.Lock()
		defer w.took.Unlock()
		w.took.all = append(w.took.all, took)
		return
	}
}
