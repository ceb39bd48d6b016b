package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/sim"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
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
	feed  *kgo.Client // writes the inputs; faults do not reach it
	admin *kadm.Client
	ctx   context.Context

	feeding sync.WaitGroup // ends with the records, or ctx
	writing mutex          // one writes at a time: a topic that is forgotten takes what others write with it
	log     *journal
	// budget is that of all databases, which end with the simulation.
	budget *store.Budget

	// mu guards what follows: the goroutine of the simulation has it while a fault begins or is mended, one of an instance
	// while that is killed.
	mu        mutex
	rng       *rand.Rand
	instances []*instance
	due       []mend
	down      map[string]bool
	faults    []answers
	out       int           // outages that go on
	closing   []*kgo.Client // of transactions in inputs
	gone      int           // inputs that were deleted, and not created anew yet
	networks  []*network    // of all lives
	busy      bool          // a life was given up while a step was at work
	err       error

	topo, upgrade *graph.Topology // that instances start with, and that they end with
	guards        guards
	hooks         hooks
	met           *tally
	dropped       map[streams.DropReason]int64
	// What was lost, and said: errors that the faults may lead to, how often they came, whether instances are told to go
	// on all the same, and whether results may differ since.
	lossy              map[string]bool
	reports            map[string]int
	accepts, consented bool
	expired, reset     bool // records of an input were deleted; the group's offsets were
}

// mend is what is to be done later.
type mend struct {
	at time.Time
	do func()
}

const brokers = 3

func newSimulation(job *Job, seed uint64, dir string, met *tally) *simulation {
	now := time.Now()
	return &simulation{
		job: job, dir: dir, seed: seed, began: now,
		mu: newMutex(), writing: newMutex(), rng: rand.New(rand.NewPCG(seed, 1)), down: map[string]bool{},
		log: newJournal(), budget: store.NewBudget(8<<20, 8), met: met, dropped: map[streams.DropReason]int64{},
		lossy: map[string]bool{}, reports: map[string]int{}, guards: guards{progress: now, event: now},
	}
}

// run plays a script, and checks what came of it.
func (s *simulation) run(ctx context.Context, faults script) (err error) {
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(ctx)
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("cluster: panic: %v\n%s", v, debug.Stack())
		}
		cancel()
		sim.SetWall(0)
		sim.OnRecord(nil)
		s.hooks.clear()
		s.collect()
		for _, n := range s.networks {
			n.cut(true)
			n.thaw()
		}
		if s.busy {
			time.Sleep(slowFor) // time stands still behind the simulation, and what was given up would not end
		}
		s.feeding.Wait()
		if s.feed != nil {
			s.feed.Close()
		}
		for _, c := range s.closing {
			c.Close()
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
	first, records, err := s.records()
	if err != nil {
		return err
	}
	if err := s.write(first); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	fed, rest := make(chan error, 1), len(records)*9/10
	// Started here, owns the records, ends with the last of them.
	s.feeding.Go(func() { fed <- s.produce(records[:rest]) })
	if err := s.play(faults, fed); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.moveOn(records[rest:]); err != nil {
		return err
	}
	if err := s.endAll(); err != nil {
		return err
	}
	return errors.Join(s.compareStores(), s.compare())
}

// moveOn ends all instances in good order, starts them again, upgraded and without anything to be accepted, and gives
// them the rest of the records. For every other seed they come back on empty disks: what they go on from then is what
// the changelogs hold.
func (s *simulation) moveOn(rest []*kgo.Record) error {
	if err := s.endAll(); err != nil {
		return err
	}
	if err := s.compareStores(); err != nil {
		return err
	}
	s.accepts = false
	s.guards.forget()
	for _, i := range s.instances {
		if s.seed%2 == 0 {
			i.disk = nil
		}
		i.upgraded = s.job.Upgrade != nil
	}
	if err := s.start(); err != nil {
		return err
	}
	s.began = time.Now()
	if err := s.produce(rest); err != nil {
		return err
	}
	return s.settle()
}

// start starts all instances.
func (s *simulation) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guards.event = time.Now()
	for _, i := range s.instances {
		if err := i.start(); err != nil {
			return err
		}
	}
	return nil
}

// endAll ends all instances. As no fault goes on, they must have nothing to say.
func (s *simulation) endAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs error
	for _, i := range s.instances {
		errs = errors.Join(errs, i.end())
	}
	return errs
}

func (s *simulation) begin() (err error) {
	s.fake, err = kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(brokers), kfake.Ports(19092, 19093, 19094), kfake.ListenFn(s.net.Listen),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
	}, s.job.brokers...)...)
	if err != nil {
		return err
	}
	s.delayMarkers()
	options := []testkit.Option{}
	for topic, n := range s.topics() {
		if err := s.fake.CreateTopic(topic, n, nil); err != nil {
			return err
		}
		options = append(options, testkit.PartitionsOf(topic, n))
	}
	if s.topo, s.upgrade, err = s.job.topologies(); err != nil {
		return err
	}
	if s.model, err = testkit.NewDriver((*topology.Topology)(s.upgrade), options...); err != nil {
		return err
	}
	if s.feed, err = s.feeder(); err != nil {
		return err
	}
	s.admin = kadm.NewClient(s.feed)
	for i := range s.job.Instances {
		s.instances = append(s.instances, &instance{sim: s, index: i})
	}
	sim.OnRecord(s.hooks.call)
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

// records are those of all inputs, mixed, as the model got them; first are those that are written before the instances
// start.
func (s *simulation) records() (first, out []*kgo.Record, err error) {
	next := make([]int, len(s.job.Inputs))
	give := func(i int) (*kgo.Record, error) {
		r, err := s.job.Inputs[i].record(s.model, next[i])
		if err == nil {
			s.job.Inputs[i].pipe(s.model, r)
			next[i]++
		}
		return r, err
	}
	for i, in := range s.job.Inputs {
		for in.first && next[i] < in.count {
			r, err := give(i)
			if err != nil {
				return nil, nil, err
			}
			first = append(first, r)
		}
	}
	for {
		var open []int
		for i, in := range s.job.Inputs {
			if next[i] < in.count {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			return first, out, s.model.Err()
		}
		r, err := give(open[s.rng.IntN(len(open))])
		if err != nil {
			return nil, nil, err
		}
		out = append(out, r)
	}
}

// write writes records at once; of a topic that is gone, once it is back. The client learns only by a failure that a
// topic was created anew.
func (s *simulation) write(records []*kgo.Record) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.feed.ProduceSync(s.ctx, records...).FirstErr()
	for errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition) {
		s.feed.PurgeTopicsFromClient(records[0].Topic)
		err = s.feed.ProduceSync(s.ctx, records...).FirstErr()
	}
	if err != nil {
		return fmt.Errorf("cluster: produce: %w", err)
	}
	return nil
}

// produce writes the records, spread over the time of the faults.
func (s *simulation) produce(records []*kgo.Record) error {
	for i, r := range records {
		select {
		case <-time.After(time.Until(s.began.Add(faultsFor * time.Duration(i) / time.Duration(len(records))))):
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
		if err := s.write([]*kgo.Record{r}); err != nil {
			return err
		}
	}
	return nil
}

// play begins each fault at its time, and mends what is due, until all have been and the records are written.
func (s *simulation) play(faults script, fed chan error) error {
	s.mu.Lock()
	for _, f := range faults {
		s.later(time.Until(s.began.Add(f.at)), func() { s.do(f) })
	}
	s.mu.Unlock()
	for {
		wait := s.advance()
		if err := s.look(); err != nil {
			return err
		}
		if !s.left() {
			select {
			case err := <-fed:
				return err
			default:
			}
		}
		time.Sleep(wait)
	}
}

// do begins a fault.
func (s *simulation) do(f fault) {
	if begin := passing[f.kind]; begin != nil {
		begin(s, f)
		return
	}
	lossy[f.kind](s, f)
}

// advance does what is due, and is how long to wait before the next look.
func (s *simulation) advance() (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && len(s.due) > 0 {
		slices.SortStableFunc(s.due, func(a, b mend) int { return a.at.Compare(b.at) })
		next := s.due[0]
		if wait := time.Until(next.at); wait > 0 {
			if s.out == 0 {
				wait = min(wait, lookEvery)
			}
			return wait
		}
		s.due = s.due[1:]
		s.guards.event = time.Now()
		next.do()
	}
	return lookEvery
}

// left is true if anything is left to be done.
func (s *simulation) left() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.due) > 0
}

// meets notes that a fault has met something.
func (s *simulation) meets(kind string) {
	s.guards.event = time.Now()
	s.met.add(kind)
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
		i.disk.clear()
	}
	s.hooks.clear()
	for _, f := range s.faults {
		if f.handle.Hits() > 0 {
			s.met.add(f.name)
		}
		f.handle.Remove()
	}
	s.faults = nil
	s.mu.Unlock()
	var behind error
	since := time.Now()
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); {
		wait := s.advance()
		if err := s.look(); err != nil {
			return err
		}
		if behind = s.unfinished(); behind != nil || s.left() {
			since = time.Now()
		} else if time.Since(since) >= quietFor {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("stands still: %v after the last fault: %w", settleFor, behind)
}

// quietFor is how long nothing may be left to do before it is believed: an instance that stood still has heard from the
// group by then.
const quietFor = 15 * time.Second

// settleFor is how long an application may take to catch up once all faults are over.
const settleFor = 10 * time.Minute

// collect ends all instances.
func (s *simulation) collect() {
	for _, i := range s.instances {
		i.collect()
	}
}
