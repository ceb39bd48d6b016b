package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
)

// mostVerify is how long a topic may be gone before the application says so.
const mostVerify = 3 * time.Second

// verifyTopics looks now and then whether the application's topics are still what they were.
func (w *Worker) verifyTopics() {
	every := min(w.config.TopicRefresh, mostVerify)
	if time.Since(w.verifiedAt) < every || !w.verifying.CompareAndSwap(false, true) {
		return
	}
	w.verifiedAt = time.Now()
	kafka, events := w.config.Cluster, w.events
	// Started by the loop, one at a time, owns nothing, ends with its requests or with the cluster's client.
	go func() {
		defer w.verifying.Store(false)
		globals, without, err := kafka.Verify(kafka.Context(), every)
		if err != nil && !cluster.IsTopicError(err) {
			return // a broker that is away: the next look will tell
		}
		events.post(func(context.Context) error {
			if err == nil {
				w.globals.grow(globals)
				w.leaderless(without)
			}
			return err
		})
	}()
}

// leaderless says which of the worker's inputs have no leader: nothing comes of them.
func (w *Worker) leaderless(without cluster.Partitions) {
	were := w.without
	w.without = cluster.Partitions{}
	for topic, numbers := range without {
		for _, p := range numbers {
			if w.assigned.Has(topic, p) {
				w.without.Add(topic, p)
				w.waits.because(waitForLeader(topic, p), "the partition has no leader")
			}
		}
	}
	for topic, numbers := range were {
		for _, p := range numbers {
			if !slices.Contains(w.without[topic], p) { // it has one, or is another worker's
				w.waits.end(waitForLeader(topic, p))
			}
		}
	}
}

func waitForLeader(topic string, partition int32) string {
	return fmt.Sprintf("records of %s/%d", topic, partition)
}
