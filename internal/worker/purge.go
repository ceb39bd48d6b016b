package worker

import (
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/internal/task"
)

// purgeInterval is that of Kafka Streams (repartition.purge.interval.ms).
const purgeInterval = 30 * time.Second

// purge deletes what has been processed of the repartition topics, now and then.
func (s *session) purge(done []task.Offset) {
	if time.Since(s.worker.purgedAt) < purgeInterval {
		return
	}
	s.worker.purgedAt = time.Now()
	processed := kadm.Offsets{}
	for _, o := range done {
		if s.config.Topology.IsRepartition(o.Topic) {
			processed.AddOffset(o.Topic, o.Partition, o.Offset, -1)
		}
	}
	if len(processed) == 0 {
		return
	}
	kafka, log := s.config.Cluster, s.config.Logger
	// Started by a commit, owns nothing, ends with its request or with the cluster's client.
	go func() {
		if err := kafka.Purge(processed); err != nil {
			log.Debug("repartition topics not purged", "error", err)
		}
	}()
}
