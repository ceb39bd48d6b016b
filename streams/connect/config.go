package connect

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// Config is the settings of a Runner.
type Config struct {
	// Brokers are addresses, host:port, at which the cluster is found. Default: localhost:9092.
	Brokers []string
	// Kafka is passed to the client: TLS, SASL, client id. What is needed for the guarantees is set after these.
	Kafka []kgo.Opt
	// Group is the consumer group, which keeps the place in the topic for sinks that do not themselves. Processes that
	// share it share the partitions. It must be given, and must not be that of an application.
	Group string

	// BatchRecords is the most records that are written at once. Default: 1,000.
	BatchRecords int
	// FetchBytes is the most bytes, compressed as they are sent, that are fetched ahead of each broker while a batch is
	// written. Default: 8 MB.
	FetchBytes int32
	// WriteTimeout is how long one call of Sink.Write may take before its context ends and it is repeated. It must be
	// shorter than the group's rebalance timeout, a minute. Default: 30 s.
	WriteTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause before a call of the sink is repeated. It doubles each time, and half of
	// it is drawn at random, so that many instances do not come back at once. Default: 100 ms and 10 s.
	BackoffMin, BackoffMax time.Duration
	// CommitInterval is the time between commits of the group's offsets. Default: 1 s.
	CommitInterval time.Duration
	// SessionTimeout is how long the group waits for a process that went silent. Default: 10 s.
	SessionTimeout time.Duration

	// OnError says what becomes of a record that does not decode, or that the other system refuses: Run ends with a
	// RecordError (streams.Fail, the default), it is left out and counted (Skip), or sent to DeadLetterTopic (DeadLetter).
	OnError streams.ErrorAction
	// DeadLetterTopic gets the record's own bytes, with headers that tell the failure (KIP-1034). A crash may have it
	// there twice.
	DeadLetterTopic string

	// Logger gets the log. Default: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	setDefault(&c.BatchRecords, 1000)
	setDefault(&c.FetchBytes, 8<<20)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.BackoffMin, 100*time.Millisecond)
	setDefault(&c.BackoffMax, max(10*time.Second, c.BackoffMin))
	setDefault(&c.CommitInterval, time.Second)
	setDefault(&c.SessionTimeout, 10*time.Second)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports everything that is wrong.
func (c Config) validate(topic string) error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("connect: Config."+format, args...))
		}
	}
	bad(c.Group == "", "Group is needed: the name of a consumer group of the sink's own")
	bad(c.BatchRecords < 1, "BatchRecords is %d: must be 1 or more", c.BatchRecords)
	bad(c.FetchBytes < 1, "FetchBytes is %d: must be 1 or more", c.FetchBytes)
	bad(c.OnError < streams.Fail || c.OnError > streams.DeadLetter,
		"OnError is %d: use streams.Fail, Skip or DeadLetter", c.OnError)
	bad(c.OnError == streams.DeadLetter && c.DeadLetterTopic == "", "DeadLetterTopic is needed for OnError: DeadLetter")
	bad(c.OnError != streams.DeadLetter && c.DeadLetterTopic != "",
		"DeadLetterTopic has no effect without OnError: DeadLetter")
	bad(c.DeadLetterTopic == topic, "DeadLetterTopic is the topic that is read: use another")
	bad(c.BackoffMin > c.BackoffMax, "BackoffMin, %v, is above BackoffMax, %v", c.BackoffMin, c.BackoffMax)
	for name, d := range map[string]time.Duration{
		"WriteTimeout": c.WriteTimeout, "BackoffMin": c.BackoffMin, "CommitInterval": c.CommitInterval,
		"SessionTimeout": c.SessionTimeout,
	} {
		bad(d < time.Millisecond, "%s is %v: must be a millisecond or more", name, d)
	}
	bad(c.WriteTimeout > rebalanceTimeout/2, "WriteTimeout is %v: must be at most %v, or the group gives partitions away",
		c.WriteTimeout, rebalanceTimeout/2)
	return errors.Join(errs...)
}

// rebalanceTimeout is how long the group waits for members that have a batch in hand.
const rebalanceTimeout = time.Minute
