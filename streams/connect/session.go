package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
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
	end       context.CancelCauseFunc  // for what goes wrong in a callback
	started   atomic.Pointer[[16]byte] // id of the topic at the start; nil: it was not looked at yet
	group     groupPlaces
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
	user := append([]kgo.Opt{kgo.FetchMaxBytes(c.FetchBytes)}, c.Kafka...)
	return clientOpts(c.Brokers, user,
		kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(s.topic.Name()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.SessionTimeout(c.SessionTimeout), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(min(c.SessionTimeout/3, 3*time.Second)),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnOffsetsFetched(s.group.fetched), kgo.AdjustFetchOffsetsFn(s.claim),
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
	id := [16]byte(topics[s.topic.Name()].ID)
	s.started.Store(&id)
	return nil
}

// topicID is the id of the topic at the start of the session; zero: not known.
func (s *session[K, V]) topicID() (id [16]byte) {
	if at := s.started.Load(); at != nil {
		id = *at
	}
	return id
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
		at := s.group.place(p, given[p.Topic][p.Number])
		if next, ok := known[p]; ok {
			at = at.moved(next)
			given[p.Topic][p.Number] = kgo.NewOffset().At(next).WithEpoch(at.epoch)
		}
		if err := at.check(p, s.topicID()); err != nil {
			s.end(err)
			return nil, err
		}
		s.places.take(p, at)
		s.config.Logger.Info("partition claimed", "partition", p.Number, "from", at.next)
	}
	return given, nil
}

// revoked runs while no batch is in hand, or between two tries to write one.
func (s *session[K, V]) revoked(ctx context.Context, _ *kgo.Client, gone map[string][]int32) {
	s.commit(ctx, s.drop(gone))
}

// drop forgets partitions, and returns the places in them.
func (s *session[K, V]) drop(gone map[string][]int32) map[Partition]place {
	last := map[Partition]place{}
	for topic, numbers := range gone {
		for _, n := range numbers {
			p := Partition{Topic: topic, Number: n}
			if at := s.places.release(p); at.written {
				last[p] = at
			}
			s.board.change(func(s *Status) { s.forget(p) })
		}
	}
	return last
}
