package connect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Run reads and writes until ctx ends, and returns nil then; or with an error that no repetition would cure: a
// SetupError, or one of Kafka, as for missing rights.
func (r *SourceRunner[K, V]) Run(ctx context.Context) error {
	if r.ran.Swap(true) {
		return ErrRunning
	}
	own := &dealt{}
	group, err := kgo.NewClient(r.groupOptions(own)...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer group.Close()
	splits := map[int32]*split[K, V]{}
	defer func() {
		for _, s := range splits {
			s.close()
		}
	}()
	err = r.prepare(ctx, kadm.NewClient(group))
	if err == nil {
		group.AddConsumeTopics(r.config.positions())
		group.PauseFetchTopics(r.config.positions()) // membership is all that is wanted of the group
		err = r.work(ctx, own, splits)
	}
	return ended(ctx, err)
}

func (r *SourceRunner[K, V]) groupOptions(own *dealt) []kgo.Opt {
	c := r.config
	return append(append([]kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, c.Kafka...),
		kgo.ConsumerGroup(c.Name), kgo.DisableAutoCommit(), kgo.SessionTimeout(c.SessionTimeout),
		kgo.RebalanceTimeout(c.SessionTimeout),
		kgo.HeartbeatInterval(min(c.SessionTimeout/3, 3*time.Second)),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { own.set(m, true) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { own.set(m, false) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { own.set(m, false) }),
	)
}

// dealt are the splits that the group has given to this process: the client's goroutine changes them.
type dealt struct {
	mu sync.Mutex
	of map[int32]bool
}

func (d *dealt) set(m map[string][]int32, mine bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = map[int32]bool{}
	}
	for _, numbers := range m {
		for _, n := range numbers {
			d.of[n] = mine
		}
	}
}

func (d *dealt) has(n int32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of[n]
}

// prepare creates the topic of positions, or lets it grow: a partition for each split.
func (r *SourceRunner[K, V]) prepare(ctx context.Context, admin *kadm.Client) error {
	name := r.config.positions()
	compact := "compact"
	if _, err := listTopics(ctx, admin, []string{r.topic.Name()}); err != nil && ctx.Err() != nil {
		return err
	}
	for backoff := r.config.BackoffMin; ; backoff = min(2*backoff, r.config.BackoffMax) {
		topics, err := admin.ListTopics(ctx, name, r.topic.Name())
		switch {
		case err != nil:
		case errors.Is(topics[r.topic.Name()].Err, kerr.UnknownTopicOrPartition):
			return &SetupError{What: fmt.Sprintf("topic %q", r.topic.Name()), Err: topics[r.topic.Name()].Err}
		case !topics.Has(name):
			_, err = admin.CreateTopic(ctx, r.config.Splits, -1, map[string]*string{"cleanup.policy": &compact}, name)
		case int32(len(topics[name].Partitions)) < r.config.Splits:
			_, err = admin.UpdatePartitions(ctx, int(r.config.Splits), name)
		default:
			return nil
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // this process's metadata may be older than the topic
			r.config.Logger.Warn("the topic of positions is not ready: trying again", "topic", name, "error", err)
		}
		if err := pause(ctx, backoff); err != nil {
			return err
		}
	}
}

// work gives each split its turn. One that fails is opened again, after a pause that does not hold up the others.
func (r *SourceRunner[K, V]) work(ctx context.Context, own *dealt, splits map[int32]*split[K, V]) error {
	for {
		idle := true
		for n := range r.config.Splits {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s := splits[n]
			if !own.has(n) {
				if s != nil {
					s.close()
					delete(splits, n)
				}
				continue
			}
			if s == nil {
				s = &split[K, V]{SourceRunner: r, number: n, backoff: r.config.BackoffMin}
				splits[n] = s
			}
			moved, err := s.step(ctx)
			if err != nil {
				return err
			}
			idle = idle && !moved
		}
		if idle {
			if err := pause(ctx, r.config.PollInterval); err != nil {
				return err
			}
		}
	}
}

// split is one split that this process has.
type split[K, V any] struct {
	*SourceRunner[K, V]
	number  int32
	client  *kgo.Client // nil: it is not open
	reader  Reader[K, V]
	backoff time.Duration
	again   time.Time // not before
	warned  time.Time
}

// step reads once and commits what it has read. The error is one for which no repetition helps.
func (s *split[K, V]) step(ctx context.Context) (moved bool, err error) {
	if time.Now().Before(s.again) {
		return false, nil
	}
	if s.client == nil {
		err = s.open(ctx)
	}
	if err == nil {
		moved, err = s.carry(ctx)
	}
	var setup *SetupError
	switch {
	case err == nil:
		s.backoff = s.config.BackoffMin
		return moved, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.As(err, &setup):
		return false, err
	}
	s.close()
	s.again = time.Now().Add(s.backoff/2 + rand.N(s.backoff/2+1))
	s.backoff = min(2*s.backoff, s.config.BackoffMax)
	if time.Since(s.warned) > warnEvery {
		s.warned = time.Now()
		s.config.Logger.Warn("a split does not work: opening it again", "split", s.number, "error", err)
	}
	return false, nil
}

// close ends what is open, without a commit.
func (s *split[K, V]) close() {
	if s.reader != nil {
		if err := s.reader.Close(); err != nil {
			s.config.Logger.Warn("a split's reader does not close", "split", s.number, "error", err)
		}
	}
	if s.client != nil {
		s.client.Close()
	}
	s.reader, s.client = nil, nil
}
