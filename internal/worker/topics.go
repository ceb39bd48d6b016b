package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
)

// mostVerify is how long a topic may be gone before the application says so.
const mostVerify = 3 * time.Second

// verifyTopics looks now and then whether the application's topics are still what they were.
func (s *session) verifyTopics() {
	every := min(s.config.TopicRefresh, mostVerify)
	if !s.verified.due(every) {
		return
	}
	kafka := s.config.Cluster
	s.ask(&s.verified, func(ctx context.Context) func(context.Context) error {
		globals, without, err := kafka.Verify(ctx, every)
		return func(context.Context) error {
			switch {
			case err == nil:
				s.globals.grow(globals)
				s.noteLeaderless(without)
			case cluster.IsTopicError(err):
				return err
			}
			return nil // a broker that is away: the next look will tell
		}
	})
}

// noteLeaderless says which of the worker's inputs have no leader: nothing comes of them.
func (s *session) noteLeaderless(without cluster.Partitions) {
	were := s.leaderless
	s.leaderless = cluster.Partitions{}
	for topic, numbers := range without {
		for _, p := range numbers {
			if s.assigned.Has(topic, p) {
				s.leaderless.Add(topic, p)
				s.worker.waits.because(waitForLeader(topic, p), "the partition has no leader")
			}
		}
	}
	for topic, numbers := range were {
		for _, p := range numbers {
			if !slices.Contains(s.leaderless[topic], p) { // it has one, or is another worker's
				s.worker.waits.end(waitForLeader(topic, p))
			}
		}
	}
}

func waitForLeader(topic string, partition int32) string {
	return fmt.Sprintf("records of %s/%d", topic, partition)
}

// checkTopics looks now and then whether topics that match a pattern have come, gone or grown.
func (s *session) checkTopics() {
	if s.layout.Matched == nil || !s.listed.due(s.config.TopicRefresh) {
		return
	}
	kafka, have := s.config.Cluster, s.layout.Matched
	s.ask(&s.listed, func(ctx context.Context) func(context.Context) error {
		matched, err := kafka.Matching(ctx)
		return func(ctx context.Context) error {
			if err != nil || maps.Equal(matched, have) {
				return nil // a broker that is away: the next look will tell
			}
			return s.endForTopics(ctx)
		}
	})
}

// checkTopicsNow has checkTopics look at once, or after the look that is under way. Until all members know a topic,
// tasks may wait for it: for a member that knows it and has a leader that does not, or the other way round.
func (s *session) checkTopicsNow() { s.listed.now() }

// endForTopics commits and ends the session.
func (s *session) endForTopics(ctx context.Context) error {
	s.out.send(ctx, s.set.Outputs())
	if s.set.Pending() {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	return cluster.ErrTopicsChanged
}
