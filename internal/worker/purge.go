package worker

import (
	"time"

	"github.com/millstream-go/millstream/internal/task"
	"github.com/twmb/franz-go/pkg/kadm"
)

// purgeInterval is that of Kafka Streams (repartition.purge.interval.ms).
const purgeInterval = 30 * time.Second

// purge deletes what has been processed of the repartition topics, now and then.
func (w *Worker) purge(done []task.Offset) {
	if time.Since(w.purgedAt) < purgeInterval {
		return
	}
	w.purgedAt = time.Now()
	processed := kadm.Offsets{}
	for _, o := range done {
		if w.config.Topology.IsRepartition(o.Topic) {
			processed.AddOffset(o.Topic, o.Partition, o.Offset, -1)
		}
	}
	if len(processed) == 0 {
		return
	}
	kafka, log := w.config.Cluster, w.config.Logger
	// Started by a commit, owns nothing, ends with its request or with the cluster's client.
	go func() {
		if err := kafka.Purge(processed); err != nil {
			log.Debug("repartition topics not purged", "error", err)
		}
	}()
}
