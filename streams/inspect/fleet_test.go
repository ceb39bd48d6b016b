package inspect_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

const (
	customers  = 64
	kinds      = 20 // of products
	partitions = 4  // of each topic
)

// fleet is the processes of a job on a real Kafka, and what is known of the right answers.
type fleet struct {
	t      *testing.T
	job    job
	seed   uint64
	random *rand.Rand
	long   time.Duration
	client *http.Client
	kafka  *kgo.Client
	ledger *ledger
	seeded map[place]int64 // no answer is older

	members [3]atomic.Pointer[running] // nil: not there
	dirs    [3]string
	owners  map[place]int // since settle: which member has the task of a partition
	moves   int
}

// newFleet starts two processes, and sows orders.
func newFleet(t *testing.T) *fleet {
	brokers := kafkatest.Start(t).Addrs
	f := &fleet{
		t: t, seed: uint64(time.Now().UnixNano()), dirs: [3]string{t.TempDir(), t.TempDir(), t.TempDir()},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: askers}},
		job: job{
			Brokers: brokers, Name: kafkatest.Name("asked"),
			Orders:  kafkatest.Topic(t, brokers, "orders", partitions, nil),
			Ordered: kafkatest.Topic(t, brokers, "ordered", partitions, nil),
		},
	}
	t.Logf("seed %d", f.seed)
	f.random = rand.New(rand.NewPCG(f.seed, 0))
	if text := os.Getenv("MILLSTREAM_QUERIES"); text != "" {
		long, err := time.ParseDuration(text)
		require.NoError(t, err)
		f.long = long
	}
	kafka, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(f.job.Orders))
	require.NoError(t, err)
	f.kafka = kafka
	t.Cleanup(kafka.Close)
	f.ledger = newLedger(t, brokers, f.job.Orders, f.job.Ordered)
	f.start(0)
	f.start(1)
	f.settle()
	f.moves = 0
	f.sow()
	return f
}

func (f *fleet) start(i int) { f.members[i].Store(f.job.start(f.t, f.dirs[i])) }

// end ends a process.
func (f *fleet) end(i int, by func(*running, *testing.T)) {
	by(f.members[i].Load(), f.t)
	f.members[i].Store(nil)
}

// requireWell: no process has ended by itself, and no answer was wrong.
func (f *fleet) requireWell() {
	require.False(f.t, f.t.Failed())
	for i := range f.members {
		if p := f.members[i].Load(); p != nil {
			p.requireRuns(f.t)
		}
	}
}

// settle waits until the task of each partition runs in one process, and each process has one. It counts the tasks that
// have moved since it was called before.
func (f *fleet) settle() {
	owners, ok := f.look()
	for ; !ok; owners, ok = f.look() {
		f.requireWell()
		time.Sleep(20 * time.Millisecond)
	}
	for at, i := range owners {
		if f.owners[at] != i {
			f.moves++
		}
	}
	f.owners = owners
}

func (f *fleet) look() (owners map[place]int, settled bool) {
	owners, settled = map[place]int{}, true
	for i := range f.members {
		p := f.members[i].Load()
		if p == nil {
			continue
		}
		has := f.placesOf(p)
		settled = settled && len(has) > 0
		for _, at := range has {
			_, twice := owners[at]
			settled = settled && !twice
			owners[at] = i
		}
	}
	return owners, settled && len(owners) == 2*partitions
}

// placesOf are the partitions whose tasks run in a process.
func (f *fleet) placesOf(p *running) (all []place) {
	resp, err := f.client.Get(p.url + "/api/v1/snapshot")
	require.NoError(f.t, err, "%s", p.log)
	defer func() { _ = resp.Body.Close() }()
	var s streams.Snapshot
	require.NoError(f.t, json.NewDecoder(resp.Body).Decode(&s))
	for _, task := range s.Tasks {
		for _, in := range task.Inputs {
			if task.Running {
				all = append(all, place{in.Topic, in.Partition})
			}
		}
	}
	return all
}

// sow produces an order of each customer and one of each product, and waits until all have come through.
func (f *fleet) sow() {
	var records []*kgo.Record
	for n := range customers {
		records = append(records, f.order(n, n%kinds, time.Now()))
	}
	require.NoError(f.t, f.kafka.ProduceSync(f.t.Context(), records...).FirstErr())
	for f.ledger.records(f.job.Ordered) < customers || f.ledger.records(f.job.Orders) < customers {
		f.requireWell()
		time.Sleep(5 * time.Millisecond)
	}
	f.seeded = map[place]int64{}
	for n := range customers {
		where := f.home(f.ofTotals(n))
		f.seeded[where] = f.ledger.last(where) + 1
	}
	for n := range kinds {
		where := f.home(f.ofProducts(n))
		f.seeded[where] = f.ledger.last(where) + 1
	}
}

// produceOn produces orders, each later than the one before, until ctx ends.
func (f *fleet) produceOn(ctx context.Context) {
	random := rand.New(rand.NewPCG(f.seed, 1_000))
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			var records []*kgo.Record
			for range 1 + random.IntN(10) {
				records = append(records, f.order(random.IntN(customers), random.IntN(kinds), at))
			}
			if !assert.NoError(f.t, f.kafka.ProduceSync(context.Background(), records...).FirstErr()) {
				return
			}
		}
	}
}

func (f *fleet) order(of, kind int, at time.Time) *kgo.Record {
	value, err := json.Marshal(order{Product: product(kind), Cents: at.UnixNano() % 1_000})
	if err != nil {
		panic(err) // an order has no value that cannot be encoded
	}
	return &kgo.Record{Key: []byte(customer(of)), Value: value, Timestamp: at}
}

// requireRows asks until there is an answer.
func (f *fleet) requireRows(p *running, q question) *inspect.StoreRows {
	for {
		rows, later, err := f.ask(f.t.Context(), p, q, false)
		require.NoError(f.t, err, q.path())
		if !later {
			return rows
		}
		f.requireWell()
	}
}

// home is the partition of the key that a question asks for.
func (f *fleet) home(q question) place {
	return place{q.topic, cluster.PartitionOf([]byte(q.key), partitions)}
}
