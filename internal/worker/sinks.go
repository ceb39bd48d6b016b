package worker

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
)

// How long an answer about a topic holds: as long as Kafka's producers trust theirs (metadata.max.age.ms). Of a topic
// that was missing, and waited for, shorter.
const (
	sinkHolds    = 5 * time.Minute
	missingHolds = 2 * time.Second
	mostSinks    = 10_000 // topics remembered
)

// sinkPartitions is a function that gives the number of partitions of topics that are written, for the sinks that
// choose. It remembers what the cluster said, for one session at most.
func (s *session) sinkPartitions(ctx context.Context) func(topic string) (int32, error) {
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
		n, err := s.config.Cluster.SinkPartitions(ctx, topic)
		if len(known) >= mostSinks {
			clear(known)
		}
		var unavailable *graph.UnavailableError
		switch {
		case err == nil:
			known[topic] = answer{n, nil, time.Now().Add(sinkHolds)}
		case !errors.As(err, &unavailable):
			known[topic] = answer{0, err, time.Now().Add(missingHolds)}
		}
		return n, err
	}
}
