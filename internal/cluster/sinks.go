package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/graph"
)

// MissingSinkError means that topics the application writes do not exist. Create them first.
type MissingSinkError struct{ Topics []string }

func (e *MissingSinkError) Error() string {
	return fmt.Sprintf("output topics do not exist: %v: create them first", e.Topics)
}

// SinkPartitions asks the cluster, for a moment more than once: a topic that was just created may not be known to every
// broker.
func (c *Cluster) SinkPartitions(ctx context.Context, topic string) (int32, error) {
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
			return 0, &graph.UnavailableError{Topic: topic, Err: err}
		}
		if time.Since(began) > topicsAppear {
			return 0, unlessMissing(topic, err)
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, &graph.UnavailableError{Topic: topic, Err: err}
		}
	}
}

// unlessMissing is the error itself if the topic is missing, and else that the cluster did not tell.
func unlessMissing(topic string, err error) error {
	var missing *MissingSinkError
	if errors.As(err, &missing) {
		return err
	}
	return &graph.UnavailableError{Topic: topic, Err: err}
}
