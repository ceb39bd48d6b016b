package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// Source reads records from another system that has no connector. It is divided into splits, numbered from 0: a table,
// a file, a shard. Of each there is one Reader at a time, in whatever process has the split.
type Source[K, V any] interface {
	// Open begins to read a split behind a position that a Reader of it has given; nil is its beginning. An error is taken
	// for trouble that passes, unless it is a SetupError.
	Open(ctx context.Context, split int32, position []byte) (Reader[K, V], error)
}

// Reader reads a split. It is used by one goroutine.
type Reader[K, V any] interface {
	// Read returns the next records, as many as make a good transaction, and the position behind them, which goes into the
	// same transaction. None and no error: nothing is there now. After an error the split is opened again, behind what has
	// been committed.
	Read(ctx context.Context) (records []streams.Record[K, V], position []byte, err error)
	// Close is called when the split goes elsewhere, or is opened again.
	Close() error
}

// SourceConfig is the settings of a SourceRunner.
type SourceConfig struct {
	// Brokers are addresses, host:port, at which the cluster is found. Default: localhost:9092.
	Brokers []string
	// Kafka is passed to the clients: TLS, SASL, client id.
	Kafka []kgo.Opt
	// Name is that of the consumer group among whose members the splits are dealt out, and the prefix of the transactional
	// ids and of the topic that keeps positions, <name>-positions, which is created for the first start. It must be given,
	// and stay the same.
	Name string
	// AllowNewPositions lets a source begin at its beginning although it has run before and its positions are gone: the
	// topic was deleted, or emptied. Its records are written a second time then. By default that is a SetupError. Set it
	// for one start.
	AllowNewPositions bool
	// Splits is the number of splits. It may grow while no process runs. Default: 1.
	Splits int32
	// PollInterval is the pause while no split has anything. Default: 500 ms.
	PollInterval time.Duration
	// BackoffMin and BackoffMax bound the pause after an error. It doubles each time, and half of it is drawn at random.
	// Default: 100 ms and 10 s.
	BackoffMin, BackoffMax time.Duration
	// SessionTimeout is how long the group waits for a process that went silent. Default: 10 s.
	SessionTimeout time.Duration
	// TransactionTimeout is how long the transaction of a dead process may hold up readers. Default: 10 s.
	TransactionTimeout time.Duration
	// Logger gets the log. Default: slog.Default().
	Logger *slog.Logger
}

func (c SourceConfig) withDefaults() SourceConfig {
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	setDefault(&c.Splits, 1)
	setDefault(&c.PollInterval, 500*time.Millisecond)
	setDefault(&c.BackoffMin, 100*time.Millisecond)
	setDefault(&c.BackoffMax, max(10*time.Second, c.BackoffMin))
	setDefault(&c.SessionTimeout, 10*time.Second)
	setDefault(&c.TransactionTimeout, 10*time.Second)
	return c
}

func (c SourceConfig) validate() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("connect: SourceConfig.Name is needed"))
	}
	if c.Splits < 1 {
		errs = append(errs, fmt.Errorf("connect: SourceConfig.Splits is %d: must be 1 or more", c.Splits))
	}
	for name, d := range map[string]time.Duration{
		"PollInterval": c.PollInterval, "BackoffMin": c.BackoffMin,
		"BackoffMax":     c.BackoffMax - c.BackoffMin + time.Millisecond,
		"SessionTimeout": c.SessionTimeout, "TransactionTimeout": c.TransactionTimeout,
	} {
		if d < time.Millisecond {
			errs = append(errs, fmt.Errorf("connect: SourceConfig.%s is too short", name))
		}
	}
	return errors.Join(errs...)
}

func (c SourceConfig) positions() string { return c.Name + "-positions" }

func (c SourceConfig) transactionalID(split int32) string { return fmt.Sprintf("%s-%d", c.Name, split) }

// SourceRunner carries the records of a Source to a topic, each once: records and the position behind them are
// committed in one transaction. Any number of processes may run one of the same name: they share the splits.
type SourceRunner[K, V any] struct {
	topic  streams.Topic[K, V]
	source Source[K, V]
	config SourceConfig
	ran    atomic.Bool
	board  board
	begun  map[int32]bool // splits that have had a position; the goroutine of Run has it
}

// NewSource prepares a SourceRunner. The topic must exist.
func NewSource[K, V any](
	topic streams.Topic[K, V], source Source[K, V], config SourceConfig,
) (*SourceRunner[K, V], error) {
	config = config.withDefaults()
	err := config.validate()
	if source == nil {
		err = errors.Join(err, errors.New("connect: the source is nil"))
	}
	for _, s := range []any{topic.Key(), topic.Value()} {
		if serr := serde.ErrOf(s); serr != nil {
			err = errors.Join(err, fmt.Errorf("connect: topic %q: %w", topic.Name(), serr))
		}
	}
	if err != nil {
		return nil, err
	}
	config.Logger = config.Logger.With("source", config.Name)
	return &SourceRunner[K, V]{topic: topic, source: source, config: config, begun: map[int32]bool{}}, nil
}

// Written is the number of records that this process has committed.
func (r *SourceRunner[K, V]) Written() int64 { return r.Status().Written }

// Status is what has been written so far. It may be called at any time.
func (r *SourceRunner[K, V]) Status() Status { return r.board.read() }

// ConnectorStatus is Status for streams.Config.Connectors.
func (r *SourceRunner[K, V]) ConnectorStatus() streams.ConnectorStatus {
	return r.board.connector(r.config.Name, "source", r.topic.Name())
}
