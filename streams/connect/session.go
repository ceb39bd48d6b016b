package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// session is one membership in the group. The goroutine of Run polls and writes; the client calls claim, assigned and
// revoked from its own.
type session[K, V any] struct {
	*Runner[K, V]
	client    *kgo.Client
	end       context.CancelCauseFunc // for what goes wrong in a callback
	places    places
	committed time.Time
	warned    time.Time
	skipped   time.Time
}

// session reads and writes until ctx ends, another instance takes over, or something goes wrong for good.
func (r *Runner[K, V]) session(ctx context.Context) error {
	s := &session[K, V]{Runner: r, committed: time.Now()}
	ctx, s.end = context.WithCancelCause(ctx)
	defer s.end(nil)
	var err error
	if s.client, err = kgo.NewClient(s.options()...); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer s.client.CloseAllowingRebalance()
	if err := r.repeat(ctx, "Kafka", s.checkTopics); err != nil {
		return err
	}
	err = s.work(ctx)
	if !errors.Is(err, ErrFenced) {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCommit)
		defer cancel()
		s.commit(last, s.places.written())
	}
	return err
}

// lastCommit is how long a stop may take for the group's offsets. If it fails, records are written again.
const lastCommit = 5 * time.Second

func (s *session[K, V]) options() []kgo.Opt {
	c := s.config
	opts := append([]kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.FetchMaxBytes(c.FetchBytes)}, c.Kafka...)
	return append(opts,
		kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(s.topic.Name()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.SessionTimeout(c.SessionTimeout), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(min(c.SessionTimeout/3, 3*time.Second)),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.AdjustFetchOffsetsFn(s.claim),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { s.drop(lost) }),
	)
}

// appears is how long a topic that was just created may take to be known to every broker.
const appears = 3 * time.Second

// listTopics looks at topics, and for a moment again while one is not known.
func listTopics(ctx context.Context, admin *kadm.Client, names []string) (kadm.TopicDetails, error) {
	for began := time.Now(); ; {
		topics, err := admin.ListTopics(ctx, names...)
		missing := slices.ContainsFunc(names, func(name string) bool {
			return errors.Is(topics[name].Err, kerr.UnknownTopicOrPartition)
		})
		if err != nil || !missing || time.Since(began) > appears {
			return topics, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(appears / 15):
		}
	}
}

// checkTopics finds topics that do not exist before anything waits for them.
func (s *session[K, V]) checkTopics(ctx context.Context) error {
	names := []string{s.topic.Name()}
	if s.config.DeadLetterTopic != "" {
		names = append(names, s.config.DeadLetterTopic)
	}
	topics, err := listTopics(ctx, kadm.NewClient(s.client), names)
	if err != nil {
		return fmt.Errorf("brokers %v: %w", s.config.Brokers, err)
	}
	for _, name := range names {
		if err := topics[name].Err; err != nil && !kerr.IsRetriable(err) || errors.Is(err, kerr.UnknownTopicOrPartition) {
			return &SetupError{What: fmt.Sprintf("topic %q", name), Err: err}
		} else if err != nil {
			return fmt.Errorf("topic %q: %w", name, err)
		}
	}
	return nil
}

// claim says where partitions that the group has given are read on. While the other system is away it waits: nothing of
// these partitions is fetched until then.
func (s *session[K, V]) claim(
	ctx context.Context, given map[string]map[int32]kgo.Offset,
) (map[string]map[int32]kgo.Offset, error) {
	var partitions []Partition
	for topic, numbers := range given {
		for n := range numbers {
			partitions = append(partitions, Partition{Topic: topic, Number: n})
		}
	}
	var known map[Partition]int64
	err := s.repeat(ctx, "claim", func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, s.config.WriteTimeout)
		defer cancel()
		known, err = s.sink.Claim(ctx, partitions)
		return err
	})
	if err != nil {
		if final(err) {
			s.end(err)
		}
		return nil, err
	}
	for _, p := range partitions {
		next, ok := known[p]
		if ok {
			given[p.Topic][p.Number] = kgo.NewOffset().At(next)
		} else {
			next = given[p.Topic][p.Number].EpochOffset().Offset // below 0: the start
		}
		s.places.take(p, next)
		s.config.Logger.Info("partition claimed", "partition", p.Number, "from", next)
	}
	return given, nil
}

// revoked runs while no batch is in hand, or between two tries to write one.
func (s *session[K, V]) revoked(ctx context.Context, _ *kgo.Client, gone map[string][]int32) {
	s.commit(ctx, s.drop(gone))
}

// drop forgets partitions, and returns the places in them.
func (s *session[K, V]) drop(gone map[string][]int32) map[Partition]int64 {
	last := map[Partition]int64{}
	for topic, numbers := range gone {
		for _, n := range numbers {
			p := Partition{Topic: topic, Number: n}
			if next, ok := s.places.release(p); ok {
				last[p] = next
			}
			s.board.change(func(s *Status) { delete(s.Next, p) })
		}
	}
	return last
}

// commit tells the group where writing has got to. What cannot be committed now is committed later, or written again.
func (s *session[K, V]) commit(ctx context.Context, next map[Partition]int64) {
	if len(next) == 0 {
		return
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, n := range next {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.Topic][p.Number] = kgo.EpochOffset{Epoch: -1, Offset: n}
	}
	s.client.CommitOffsetsSync(ctx, offsets, nil)
}

// places are the partitions that this member has.
type places struct {
	mu    sync.Mutex
	of    map[Partition]place
	count int // claims so far
}

type place struct {
	claim int   // which one gave the partition
	next  int64 // where reading goes on; below 0: not known
	moved bool  // written since it was claimed
}

func (ps *places) take(p Partition, next int64) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.of == nil {
		ps.of = map[Partition]place{}
	}
	ps.count++
	ps.of[p] = place{claim: ps.count, next: next}
}

func (ps *places) release(p Partition) (next int64, moved bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	was := ps.of[p]
	delete(ps.of, p)
	return was.next, was.moved
}

func (ps *places) get(p Partition) (place, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	at, ok := ps.of[p]
	return at, ok
}

// move notes what has been written under a claim.
func (ps *places) move(p Partition, claim int, next int64) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if at, ok := ps.of[p]; ok && at.claim == claim {
		ps.of[p] = place{claim: claim, next: next, moved: true}
	}
}

func (ps *places) written() map[Partition]int64 {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	out := map[Partition]int64{}
	for p, at := range ps.of {
		if at.moved {
			out[p] = at.next
		}
	}
	return out
}
