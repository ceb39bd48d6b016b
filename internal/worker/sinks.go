package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/topology"
)

// MissingSinkError means that topics the application writes do not exist. Create them first.
type MissingSinkError struct{ Topics []string }

func (e *MissingSinkError) Error() string {
	return fmt.Sprintf("output topics do not exist: %v: create them first", e.Topics)
}

// How long an answer about a topic holds: as long as Kafka's producers trust theirs (metadata.max.age.ms). Of a topic
// that was missing, and waited for, shorter.
const (
	sinkHolds    = 5 * time.Minute
	missingHolds = 2 * time.Second
	mostSinks    = 10_000 // topics remembered
)

// sinkPartitions is a function that gives the number of partitions of topics that are written, for the sinks that
// choose. It remembers what the cluster said, for one session at most.
func (w *Worker) sinkPartitions(ctx context.Context) func(topic string) (int32, error) {
	type answer struct {
		partitions int32
		err        error
		until      time.Time
	}
	known := map[string]answer{}
	return func(topic string) (int32, error) {
		if a, ok := known[topic]; ok && time.Now().Before(a.until) {
			return a.partitions, a.err
		}
		n, err := w.config.Cluster.sinkPartitions(ctx, topic)
		if len(known) >= mostSinks {
			clear(known)
		}
		var unavailable *topology.ErrUnavailable
		switch {
		case err == nil:
			known[topic] = answer{n, nil, time.Now().Add(sinkHolds)}
		case !errors.As(err, &unavailable):
			known[topic] = answer{0, err, time.Now().Add(missingHolds)}
		}
		return n, err
	}
}

// sinkPartitions asks the cluster, for a moment more than once: a topic that was just created may not be known to every
// broker.
func (c *Cluster) sinkPartitions(ctx context.Context, topic string) (int32, error) {
	for began := time.Now(); ; {
		found, err := c.topics(ctx, []string{topic})
		n := int32(len(found[topic].Partitions))
		switch {
		case err == nil && n > 0:
			return n, nil
		case err == nil:
			err = &MissingSinkError{Topics: []string{topic}}
		case errors.Is(err, kerr.InvalidTopicException):
			return 0, err
		case !kerr.IsRetriable(err):
			return 0, &topology.ErrUnavailable{Topic: topic, Err: err}
		}
		if time.Since(began) > topicsAppear {
			return 0, unlessMissing(topic, err)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, &topology.ErrUnavailable{Topic: topic, Err: err}
		}
	}
}

// unlessMissing is the error itself if the topic is missing, and else that the cluster did not tell.
func unlessMissing(topic string, err error) error {
	var missing *MissingSinkError
	if errors.As(err, &missing) {
		return err
	}
	return &topology.ErrUnavailable{Topic: topic, Err: err}
}
