package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/testkit"
)

// simulation is one play of a script.
type simulation struct {
	job   *Job
	dir   string
	seed  uint64
	began time.Time

	net   kfake.VirtualNetwork
	fake  *kfake.Cluster
	model *testkit.Driver
	feed  *kgo.Client // writes the inputs and reads the outputs; faults do not reach it
	ctx   context.Context
	log   *journal
	// budget is that of all databases, which end with the simulation.
	budget *store.Budget

	// mu guards what follows: the goroutine of the simulation has it while a fault begins or is mended, a client's
	// while its instance is killed.
	mu        sync.Mutex
	rng       *rand.Rand
	instances []*instance
	due       []mend
	down      map[string]bool
	faults    []*kfake.FaultHandle
	err       error

	offsets offsets
}

// mend is what is to be done later.
type mend struct {
	at time.Time
	do func()
}

const brokers = 3

func newSimulation(job *Job, seed uint64, dir string) *simulation {
	return &simulation{
		job: job, dir: dir, seed: seed, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 1)), down: map[string]bool{},
		log: newJournal(), budget: store.NewBudget(8<<20, 8),
	}
}

// run plays a script, and checks what came of it.
func (s *simulation) run(ctx context.Context, faults script) (err error) {
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(ctx)
	defer func() {
		cancel()
		s.collect()
		if s.feed != nil {
			s.feed.Close()
		}
		if s.fake != nil {
			s.fake.Close()
		}
		s.budget.Close()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, s.log)
		}
	}()
	if err := s.begin(); err != nil {
		return err
	}
	records, err := s.records()
	if err != nil {
		return err
	}
	fed, rest := make(chan error, 1), len(records)*9/10
	// Started here, owns the records, ends with the last of them.
	go func() { fed <- s.produce(records[:rest]) }()
	if err := s.play(faults); err != nil {
		return err
	}
	if err := <-fed; err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.moveOn(records[rest:]); err != nil {
		return err
	}
	return s.compare()
}

// moveOn ends all instances in good order, starts them again, and gives them the rest of the records. For every other
// seed they come back on empty disks: what they go on from then is what the changelogs hold.
func (s *simulation) moveOn(rest []*kgo.Record) error {
	for _, i := range s.instances {
		i.end()
	}
	s.mu.Lock()
	for _, i := range s.instances {
		if s.seed%2 == 0 {
			i.disk = nil
		}
		if err := i.start(); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	s.mu.Unlock()
	s.began = time.Now()
	if err := s.produce(rest); err != nil {
		return err
	}
	return s.settle()
}

func (s *simulation) begin() (err error) {
	s.fake, err = kfake.NewCluster(
		kfake.NumBrokers(brokers), kfake.Ports(19092, 19093, 19094), kfake.ListenFn(s.net.Listen),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	if err != nil {
		return err
	}
	options := []testkit.Option{}
	for topic, n := range s.topics() {
		if err := s.fake.CreateTopic(topic, n, nil); err != nil {
			return err
		}
		options = append(options, testkit.PartitionsOf(topic, n))
	}
	topo, err := s.job.Topology()
	if err != nil {
		return err
	}
	if s.model, err = testkit.NewDriver(topo, options...); err != nil {
		return err
	}
	s.feed, err = kgo.NewClient(kgo.SeedBrokers(s.fake.ListenAddrs()...), kgo.Dialer(s.net.DialContext),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.job.Instances {
		in := &instance{sim: s, index: i}
		s.instances = append(s.instances, in)
		if err := in.start(); err != nil {
			return err
		}
	}
	return nil
}

// topics are those of the job, with their numbers of partitions.
func (s *simulation) topics() map[string]int32 {
	out := map[string]int32{}
	for _, in := range s.job.Inputs {
		out[in.topic] = in.partitions
	}
	for _, o := range s.job.Outputs {
		out[o.topic] = o.partitions
	}
	return out
}

// records are those of all inputs, mixed, as the model got them.
func (s *simulation) records() (out []*kgo.Record, err error) {
	next := make([]int, len(s.job.Inputs))
	for {
		var open []int
		for i, in := range s.job.Inputs {
			if next[i] < in.count {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			return out, s.model.Err()
		}
		i := open[s.rng.IntN(len(open))]
		r, err := s.job.Inputs[i].record(s.model, next[i])
		if err != nil {
			return nil, err
		}
		s.job.Inputs[i].pipe(s.model, r)
		next[i]++
		out = append(out, r)
	}
}

// produce writes the records, spread over the time of the faults.
func (s *simulation) produce(records []*kgo.Record) error {
	for i, r := range records {
		time.Sleep(time.Until(s.began.Add(faultsFor * time.Duration(i) / time.Duration(len(records)))))
		if err := s.feed.ProduceSync(s.ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("cluster: produce: %w", err)
		}
	}
	return nil
}

// play begins each fault at its time, and mends what is due, until all have been.
func (s *simulation) play(faults script) error {
	for _, f := range faults {
		s.mu.Lock()
		s.later(time.Until(s.began.Add(f.at)), func() { kinds[f.kind](s, f) })
		s.mu.Unlock()
	}
	for {
		s.mu.Lock()
		slices.SortStableFunc(s.due, func(a, b mend) int { return a.at.Compare(b.at) })
		if s.err != nil || len(s.due) == 0 {
			defer s.mu.Unlock()
			return s.err
		}
		next := s.due[0]
		if wait := min(time.Until(next.at), lookEvery); wait > 0 {
			s.mu.Unlock()
			time.Sleep(wait)
			if err := s.look(); err != nil {
				return err
			}
			continue
		}
		s.due = s.due[1:]
		next.do()
		s.mu.Unlock()
	}
}

// lookEvery is how often what must always hold is looked at.
const lookEvery = 250 * time.Millisecond

// later has something done. The caller has mu.
func (s *simulation) later(wait time.Duration, do func()) {
	s.due = append(s.due, mend{time.Now().Add(wait), do})
}

// check keeps the first error. The caller has mu.
func (s *simulation) check(err error) {
	if s.err == nil {
		s.err = err
	}
}

// settle waits until nothing is left to do: all records read, every offset committed. Faults that have not met their
// request are over.
func (s *simulation) settle() error {
	s.mu.Lock()
	for _, i := range s.instances {
		i.network.clear()
	}
	for _, f := range s.faults {
		f.Remove()
	}
	s.mu.Unlock()
	var behind error
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); time.Sleep(lookEvery) {
		if err := s.look(); err != nil {
			return err
		}
		if behind = s.behind(); behind == nil {
			return nil
		}
	}
	return fmt.Errorf("stands still: %v after the last fault: %w", settleFor, behind)
}

// settleFor is how long an application may take to catch up once all faults are over.
const settleFor = 10 * time.Minute

// look checks what must always hold.
func (s *simulation) look() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		if err := i.look(); err != nil {
			return err
		}
	}
	return errors.Join(s.err, s.offsets.look(s.fake, s.app()))
}

// collect ends all instances.
func (s *simulation) collect() {
	for _, i := range s.instances {
		i.end()
		if i.stopping != nil {
			<-i.stopping //nolint:errcheck // what came of it is looked at
		}
		i.collect()
	}
}
