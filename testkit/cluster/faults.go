package cluster

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/sim"
)

// passing are the faults by name from which an application must recover by itself, with the results of the model. Each
// is begun by the goroutine of the simulation, which mends it later.
var passing = map[string]func(s *simulation, f fault){
	// crash kills an instance; it comes back on what the crash left of its disk, or on a new one.
	"crash": func(s *simulation, f fault) {
		s.meets(f.kind)
		s.crash(f)
	},
	// crash-at kills it at a request, before the broker sees it or before its reply arrives.
	"crash-at": func(s *simulation, f fault) {
		at := beforeRequest
		if f.point == beforeReply || f.point == repeat {
			at = beforeReply
		}
		s.instances[f.on].network.rule(&rule{key: int16(f.key), after: f.after, at: at, do: func() {
			s.crashHere(f, fmt.Sprintf("%s %v %v", f.kind, f.key.Name(), at))
		}})
	},
	// crash-within kills it at a moment of its own work.
	"crash-within": func(s *simulation, f fault) {
		m := pick(moments, f.n)
		do := func() { s.crashHere(f, fmt.Sprintf("%s, %v", f.kind, m)) }
		if d := s.instances[f.on].disk; m != atRecord && d != nil {
			d.trigger(m, f.after, do)
			return
		}
		left := new(atomic.Int64)
		left.Store(int64(1 + 5*f.after))
		s.hooks.add(func() {
			if left.Add(-1) == 0 {
				do()
			}
		})
	},
	// reply breaks a connection before or after a request, sends it twice, or delays its reply.
	"reply": func(s *simulation, f fault) {
		s.instances[f.on].network.rule(&rule{
			key: int16(f.key), after: f.after, at: f.point, delay: f.lasts,
			met: func() { s.met.add(fmt.Sprintf("%s %v %v", f.kind, f.key.Name(), f.point)) },
		})
	},
	// freeze lets nothing pass between an instance and the brokers; it notices only by its own clock.
	"freeze": func(s *simulation, f fault) {
		s.meets(f.kind)
		n := s.instances[f.on].network
		n.freeze()
		s.later(f.lasts, n.thaw)
	},
	// cut breaks all connections of an instance and refuses new ones.
	"cut": func(s *simulation, f fault) {
		s.meets(f.kind)
		i := s.instances[f.on]
		n := i.network
		n.cut(true)
		s.later(f.lasts, func() {
			if i.network == n && i.ended != nil {
				n.cut(false)
			}
		})
	},
	// restart stops an instance in good order, and starts it again.
	"restart": func(s *simulation, f fault) {
		i := s.instances[f.on]
		i.begin()
		s.later(f.lasts, i.revive)
		s.meets(f.kind)
	},
	// workers stops an instance in good order, and starts it again with another number of workers.
	"workers": func(s *simulation, f fault) {
		i := s.instances[f.on]
		i.begin()
		i.workers = 1 + f.n%3
		s.later(f.lasts, i.revive)
		s.meets(f.kind)
	},
	// joining starts one more instance, which stays.
	"joining": func(s *simulation, f fault) {
		if s.out > 0 || len(s.instances) >= mostInstances {
			return
		}
		i := &instance{sim: s, index: len(s.instances)}
		s.instances = append(s.instances, i)
		s.check(i.start())
		s.meets(f.kind)
	},
	// upgrade starts one instance after the other with Job.Upgrade.
	"upgrade": func(s *simulation, f fault) {
		if s.job.Upgrade == nil {
			return
		}
		for k, i := range s.instances {
			s.later(f.lasts*time.Duration(k), func() {
				i.begin()
				i.upgraded = true
				s.later(f.lasts, i.revive)
			})
		}
		s.meets(f.kind)
	},
	// away stops all instances, for longer than changelogs remember deletes, and has the brokers compact them.
	"away": func(s *simulation, f fault) {
		lasts := f.lasts
		if f.n%2 == 0 {
			lasts += 25 * time.Hour
		}
		s.outage(lasts, func() error {
			s.fake.Compact()
			return nil
		})
		s.meets(f.kind)
	},
	// stale stops one instance, has the others go on for a while, and stops those, too, for longer than changelogs
	// remember deletes. The directory of the first is old then.
	"stale": func(s *simulation, f fault) {
		s.instances[f.on].begin()
		s.later(staleAfter, func() {
			s.outage(25*time.Hour, func() error {
				s.fake.Compact()
				return nil
			})
		})
		s.meets(f.kind)
	},
	// disk-damage kills an instance, flips bits of its files or cuts them off, and has it come back.
	"disk-damage": func(s *simulation, f fault) {
		i := s.instances[f.on]
		if i.ended == nil {
			return
		}
		i.kill(100, s.rng)
		if i.disk != nil {
			for range 1 + f.n%3 {
				what, err := i.disk.damage(s.rng)
				s.check(err)
				if what != "" {
					s.log.tell("damage of " + what)
					s.meets(f.kind)
				}
			}
		}
		s.later(f.lasts, i.revive)
	},
	// disk-full lets an instance write no more to its disk.
	"disk-full": func(s *simulation, f fault) {
		if d := s.instances[f.on].disk; d != nil {
			d.fill(true)
			s.later(f.lasts, func() { d.fill(false) })
			s.meets(f.kind)
		}
	},
	// disk-slow has each read and commit of an instance's databases take longer.
	"disk-slow": func(s *simulation, f fault) {
		if d := s.instances[f.on].disk; d != nil {
			d.delay.Store(int64(pick([]time.Duration{time.Millisecond, 50 * time.Millisecond, 2 * time.Second}, f.n)))
			s.later(min(f.lasts, 30*time.Second), func() { d.delay.Store(0) })
			s.meets(f.kind)
		}
	},
	// clock sets the wall clocks of all instances.
	"clock": func(s *simulation, f fault) {
		sim.SetWall(pick([]time.Duration{-time.Hour, time.Hour, -25 * time.Hour, 10 * time.Second, 25 * time.Hour}, f.n))
		s.later(f.lasts, func() { sim.SetWall(0) })
		s.meets(f.kind)
	},
	// slow-functions has each of some records take a while in the steps of the application.
	"slow-functions": func(s *simulation, f fault) {
		takes := pick([]time.Duration{time.Millisecond, 200 * time.Millisecond, 5 * time.Second, 5 * time.Minute}, f.n)
		n := min(200, max(2, int64(slowFor/takes)))
		var left atomic.Int64
		left.Store(n)
		s.hooks.add(func() {
			if left.Add(-1) >= 0 {
				time.Sleep(takes)
			}
		})
		s.later(takes*time.Duration(n), func() { left.Store(0) })
		s.meets(f.kind + " " + takes.String())
	},
	// broker-down makes a broker unreachable for all instances.
	"broker-down": func(s *simulation, f fault) { s.brokersDown(f, s.fake.ListenAddrs()[f.on]) },
	// brokers-down makes all of them unreachable.
	"brokers-down": func(s *simulation, f fault) { s.brokersDown(f, s.fake.ListenAddrs()...) },
	"broker-leaders": func(s *simulation, f fault) {
		s.meets(f.kind)
		s.fake.ShufflePartitionLeaders()
	},
	"broker-coordinators": func(s *simulation, f fault) {
		s.meets(f.kind)
		s.fake.RehashCoordinators()
	},
	// broker-error answers a request with an error that a broker may give at any time.
	"broker-error": func(s *simulation, f fault) {
		if errs := transient[f.key]; len(errs) > 0 {
			s.answer(f, f.key, errs)
		}
	},
	// transaction-error answers a request of a transaction with an error that ends it, or puts it off.
	"transaction-error": func(s *simulation, f fault) {
		s.answer(f, pick(transactional, f.n), transactionErrors)
	},
	// input-transaction writes records to an input in a transaction that is aborted later, by its producer or by the
	// brokers. Until then nobody may read what comes behind them.
	"input-transaction": func(s *simulation, f fault) {
		if inputs := s.inputs(); len(inputs) > 0 {
			s.check(s.abortLater(f, pick(inputs, f.n/2)))
		}
	},
	// broker-compact has the brokers compact the changelogs.
	"broker-compact": func(s *simulation, f fault) {
		s.fake.Compact()
		s.meets(f.kind)
	},
}

// answer has requests of a kind answered with an error: once, three times, or for a while.
func (s *simulation) answer(f fault, key kmsg.Key, errs []*kerr.Error) {
	count := pick(timesAnswered, f.n/len(transactional))
	h := s.fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{key}, Err: errs[f.after%len(errs)], Count: count,
		When: func(r kmsg.Request) bool {
			p, ok := r.(*kmsg.ProduceRequest)
			return !ok || p.TransactionID != nil || f.kind != "transaction-error" // the records of the test have none
		},
	})
	if count < 0 {
		s.later(min(f.lasts, 30*time.Second), h.Remove)
	}
	s.faults = append(s.faults, answers{fmt.Sprintf("%s %v %s", f.kind, key.Name(), errs[f.after%len(errs)].Message), h})
}

// answers are faults that the brokers keep.
type answers struct {
	name   string
	handle *kfake.FaultHandle
}

// staleAfter is longer than a group waits for a member that is gone, by enough for its tasks to be taken and to go on.
const staleAfter = 20 * time.Second

// slowFor is how long functions are slow, at most.
const slowFor = 10 * time.Minute

// pick is one of several.
func pick[T any](from []T, n int) T { return from[n%len(from)] }

// timesAnswered are how often requests are answered with an error; -1: for a while.
var timesAnswered = []int{1, 3, -1}

// transactional are the requests of transactions.
var transactional = []kmsg.Key{
	kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.Produce,
}

// transactionErrors are what a transaction coordinator, or a broker that writes for it, may answer when it went on
// without the producer, or is not ready for it.
var transactionErrors = []*kerr.Error{
	kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.ProducerFenced,
	kerr.ConcurrentTransactions, kerr.TransactionAbortable, kerr.InvalidProducerIDMapping, kerr.OutOfOrderSequenceNumber,
	kerr.RequestTimedOut,
}

// transient are errors that brokers answer a request with, and that pass.
var transient = map[kmsg.Key][]*kerr.Error{
	kmsg.Produce:     {kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.RequestTimedOut},
	kmsg.Fetch:       {kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition},
	kmsg.ListOffsets: {kerr.NotLeaderForPartition, kerr.LeaderNotAvailable},
	kmsg.OffsetFetch: {kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnstableOffsetCommit},
	kmsg.OffsetCommit: {kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.RebalanceInProgress,
		kerr.IllegalGeneration},
	kmsg.JoinGroup:          {kerr.CoordinatorLoadInProgress, kerr.NotCoordinator},
	kmsg.SyncGroup:          {kerr.RebalanceInProgress, kerr.NotCoordinator},
	kmsg.Heartbeat:          {kerr.RebalanceInProgress, kerr.NotCoordinator, kerr.UnknownMemberID},
	kmsg.InitProducerID:     {kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator},
	kmsg.AddPartitionsToTxn: {kerr.ConcurrentTransactions, kerr.NotCoordinator},
	kmsg.EndTxn:             {kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator},
	kmsg.TxnOffsetCommit: {kerr.UnstableOffsetCommit, kerr.ConcurrentTransactions, kerr.NotCoordinator,
		kerr.CoordinatorLoadInProgress},
}

// Kinds are the names of all kinds of faults.
func Kinds() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, kinds := range []map[string]func(*simulation, fault){passing, lossy} {
			for name := range kinds {
				if !yield(name) {
					return
				}
			}
		}
	})
}

// mostInstances is how many instances there may be.
const mostInstances = 5

// crashHere kills an instance on a goroutine of its own.
func (s *simulation) crashHere(f fault, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meets(name)
	s.crash(f)
}

// crash kills an instance now, wherever it is, and has it come back.
func (s *simulation) crash(f fault) {
	i := s.instances[f.on]
	i.kill(f.synced, s.rng)
	s.later(f.lasts, i.revive)
}

func (s *simulation) brokersDown(f fault, addresses ...string) {
	s.meets(f.kind)
	for _, a := range addresses {
		s.down[a] = true
		for _, i := range s.instances {
			i.network.down(a, true)
		}
	}
	s.later(f.lasts, func() {
		for _, a := range addresses {
			delete(s.down, a)
			for _, i := range s.instances {
				i.network.down(a, false)
			}
		}
	})
}
