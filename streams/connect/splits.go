package connect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
)

// Run reads and writes until ctx ends, and returns nil then; or with an error that no repetition would cure: a
// SetupError, or one of Kafka, as for missing rights.
func (r *SourceRunner[K, V]) Run(ctx context.Context) (err error) {
	if r.ran.Swap(true) {
		return ErrRunning
	}
	r.board.began()
	defer func() { r.board.ended(err) }()
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
	err = r.prepare(ctx, group)
	if err == nil {
		group.AddConsumeTopics(r.config.positions())
		group.PauseFetchTopics(r.config.positions()) // membership is all that is wanted of the group
		err = r.work(ctx, own, splits)
	}
	return ended(ctx, err)
}

func (r *SourceRunner[K, V]) groupOptions(own *dealt) []kgo.Opt {
	c := r.config
	return clientOpts(c.Brokers, c.Kafka,
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
					r.board.works(splitName(n))
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
	number     int32
	client     *kgo.Client // nil: it is not open
	ends       *cluster.TransactionEnds
	committing *cluster.Committing
	reader     Reader[K, V]
	backoff    time.Duration
	again      time.Time // not before
	warned     time.Time
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
		s.board.works(splitName(s.number))
		if s.ends.MayComeLate() {
			s.close() // what is opened next has another epoch
		}
		return moved, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.As(err, &setup):
		return false, err
	}
	s.close()
	s.board.failed(splitName(s.number), fmt.Errorf("%s: %w", splitName(s.number), err))
	s.again = time.Now().Add(s.backoff/2 + rand.N(s.backoff/2+1))
	s.backoff = min(2*s.backoff, s.config.BackoffMax)
	if time.Since(s.warned) > warnEvery {
		s.warned = time.Now()
		s.config.Logger.Warn("a split does not work: opening it again", "split", s.number, "error", err)
	}
	return false, nil
}

func splitName(n int32) string { return fmt.Sprintf("split %d", n) }

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
