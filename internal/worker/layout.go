package worker

import (
	"context"
	"maps"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
)

// findTopics begins a session with the topics as they are now.
func (w *Worker) findTopics(ctx context.Context) error {
	var err error
	if w.layout, err = w.config.Cluster.Layout(ctx); err != nil {
		return err
	}
	w.config.Topology, w.config.Task.Partitions = w.layout.Topology, w.layout.Partitions.Topics
	w.listedAt = time.Now()
	return nil
}

// awaitTopics is the session of a topology that has no topic to read yet. It ends with cluster.ErrTopicsChanged.
func (w *Worker) awaitTopics(ctx context.Context) error {
	w.config.Logger.Info("no topic matches yet")
	w.waits.end(forGroup) // there is nothing that the group could give
	w.report(Running)
	for cluster.Sleep(ctx, w.config.TopicRefresh) == nil {
		if matched, err := w.config.Cluster.Matching(ctx); err == nil && len(matched) > 0 {
			return cluster.ErrTopicsChanged
		}
	}
	return nil
}

// checkTopics looks now and then whether topics that match a pattern have come, gone or grown.
func (w *Worker) checkTopics() {
	if w.layout.Matched == nil || time.Since(w.listedAt) < w.config.TopicRefresh ||
		!w.listing.CompareAndSwap(false, true) {
		return
	}
	w.listedAt = time.Now()
	kafka, events, have := w.config.Cluster, w.events, w.layout.Matched
	// Started by the loop, one at a time, owns nothing, ends with its request or with the cluster's client.
	go func() {
		defer w.listing.Store(false)
		matched, err := kafka.Matching(kafka.Context())
		if err != nil || maps.Equal(matched, have) {
			return // a broker that is away: the next look will tell
		}
		events.post(w.leaveLayout)
	}()
}

// lookNow has checkTopics look at once, or after the look that is under way. Until all members know a topic, tasks may
// wait for it: for a member that knows it and has a leader that does not, or the other way round.
func (w *Worker) lookNow() { w.listedAt = time.Time{} }

// leaveLayout commits and ends the session.
func (w *Worker) leaveLayout(ctx context.Context) error {
	w.send(ctx, w.set.Outputs())
	if w.set.Pending() {
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	return cluster.ErrTopicsChanged
}
