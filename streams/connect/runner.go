package connect

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// Runner carries the records of a topic to a Sink. Any number of processes may run one of the same group.
type Runner[K, V any] struct {
	topic  streams.Topic[K, V]
	sink   Sink[K, V]
	config Config
	board  board
	ran    atomic.Bool
	cut    map[Partition]bool // logs that were cut, of which nothing was written since; the goroutine of Run has it
}

// ErrRunning means that Run was called a second time. Make a new Runner, with a new Sink.
var ErrRunning = errors.New("connect: a Runner runs once: make a new one")

// New prepares a Runner, which reads the topic from its start where neither group nor sink know a place in it. The
// error joins what is wrong with the arguments.
func New[K, V any](topic streams.Topic[K, V], sink Sink[K, V], config Config) (*Runner[K, V], error) {
	config = config.withDefaults()
	err := config.validate(topic.Name())
	if sink == nil {
		err = errors.Join(err, errors.New("connect: the sink is nil"))
	}
	for _, s := range []any{topic.Key(), topic.Value()} {
		if serr := serde.ErrOf(s); serr != nil {
			err = errors.Join(err, fmt.Errorf("connect: topic %q: %w", topic.Name(), serr))
		}
	}
	if err != nil {
		return nil, err
	}
	config.Logger = config.Logger.With("group", config.Group, "topic", topic.Name())
	r := &Runner[K, V]{topic: topic, sink: sink, config: config, cut: map[Partition]bool{}}
	r.board.status.Next, r.board.status.Ends = map[Partition]int64{}, map[Partition]int64{}
	return r, nil
}

// Run writes until ctx ends; then it lets the batch in work finish, commits, leaves the group and returns nil. It ends
// before with an error that no repetition would cure: a SetupError, a RecordError, a LostRecordsError, or one of Kafka,
// as for missing rights.
func (r *Runner[K, V]) Run(ctx context.Context) (err error) {
	if r.ran.Swap(true) {
		return ErrRunning
	}
	r.board.began()
	defer func() {
		err = errors.Join(err, r.sink.Close())
		r.board.ended(err)
	}()
	if err := r.startSerdes(ctx); err != nil {
		return ended(ctx, err)
	}
	if err := r.repeat(ctx, "open", r.sink.Open); err != nil {
		return ended(ctx, err)
	}
	for {
		err := r.session(ctx)
		if !errors.Is(err, ErrFenced) {
			return ended(ctx, err)
		}
		r.board.change(func(s *Status) { s.Fenced++ })
		r.config.Logger.Warn("another instance has taken the partitions over: joining the group anew", "error", err)
		if err := pause(ctx, r.config.BackoffMax/2); err != nil {
			return nil
		}
	}
}

// startSerdes makes those ready that need it, and lets the end of ctx end what they wait for.
func (r *Runner[K, V]) startSerdes(ctx context.Context) error {
	use := serde.Use{Topic: r.topic.Name()}
	if err := serde.Start(ctx, use, r.topic.Value()); err != nil {
		return err
	}
	use.Key = true
	return serde.Start(ctx, use, r.topic.Key())
}

// ended is nil for an error that came of the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, serde.ErrStopped)) {
		return nil
	}
	return err
}

// ConnectorStatus is Status for streams.Config.Connectors.
func (r *Runner[K, V]) ConnectorStatus() streams.ConnectorStatus {
	return r.board.connector(r.config.Group, "sink", r.topic.Name())
}

// Status is what has been written so far. It may be called at any time.
func (r *Runner[K, V]) Status() Status { return r.board.read() }
