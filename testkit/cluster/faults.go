package cluster

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kinds are the faults by name. Each is applied by the goroutine of the simulation, which mends it later.
var kinds = map[string]func(s *simulation, f fault){
	// crash kills an instance; it comes back on what the crash left of its disk, or on a new one.
	"crash": (*simulation).crash,
	// crash-at kills it at a request, before the broker sees it or before its reply arrives.
	"crash-at": func(s *simulation, f fault) {
		at := beforeRequest
		if f.point == beforeReply || f.point == repeat {
			at = beforeReply
		}
		s.instances[f.on].network.rule(&rule{key: int16(f.key), after: f.after, at: at, do: func() {
			s.mu.Lock() // a goroutine of the client is here
			defer s.mu.Unlock()
			s.crash(f)
		}})
	},
	// reply breaks a connection before or after a request, sends it twice, or delays its reply.
	"reply": func(s *simulation, f fault) {
		s.instances[f.on].network.rule(&rule{key: int16(f.key), after: f.after, at: f.point, delay: f.lasts})
	},
	// freeze lets nothing pass between an instance and the brokers; it notices only by its own clock.
	"freeze": func(s *simulation, f fault) {
		n := s.instances[f.on].network
		n.freeze()
		s.later(f.lasts, n.thaw)
	},
	// cut breaks all connections of an instance and refuses new ones.
	"cut": func(s *simulation, f fault) {
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
		if i := s.instances[f.on]; i.ended != nil {
			i.stop()
			i.stopping, i.ended = i.ended, nil
			s.later(f.lasts, i.revive)
		}
	},
	// broker-down makes a broker unreachable for all instances.
	"broker-down": func(s *simulation, f fault) { s.brokersDown(f, s.fake.ListenAddrs()[f.on]) },
	// brokers-down makes all of them unreachable.
	"brokers-down": func(s *simulation, f fault) { s.brokersDown(f, s.fake.ListenAddrs()...) },
	"broker-leaders": func(s *simulation, _ fault) {
		s.fake.ShufflePartitionLeaders()
	},
	"broker-coordinators": func(s *simulation, _ fault) {
		s.fake.RehashCoordinators()
	},
	// broker-error answers a request with an error that a broker may give at any time.
	"broker-error": func(s *simulation, f fault) {
		errs := transient[f.key]
		if len(errs) == 0 {
			return
		}
		s.faults = append(s.faults, s.fake.Fault(kfake.Fault{
			Keys: []kmsg.Key{f.key}, Err: errs[f.after%len(errs)], Count: 1 + f.after%3,
		}))
	},
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
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// crash kills an instance now, wherever it is, and has it come back.
func (s *simulation) crash(f fault) {
	i := s.instances[f.on]
	i.kill(f.synced, s.rng)
	s.later(f.lasts, i.revive)
}

func (s *simulation) brokersDown(f fault, addresses ...string) {
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
