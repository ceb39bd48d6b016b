package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// silences is what a reader of a topic's committed records sees: for each partition, how long nothing came.
type silences struct {
	stop func()

	mu      sync.Mutex
	last    map[int32]time.Time // when something came
	longest map[int32]time.Duration
}

// watch begins to read a topic; stop ends it.
func (r *rig) watch(topic string) *silences {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.Addrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(topic), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.MetadataMinAge(50*time.Millisecond)) // by its default, 5 s, it would itself be silent when a leader is killed
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s := &silences{last: map[int32]time.Time{}, longest: map[int32]time.Duration{}}
	done := make(chan struct{})
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	r.t.Cleanup(s.stop)
	go func() {
		defer close(done)
		defer client.Close()
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachPartition(func(p kgo.FetchTopicPartition) {
				if len(p.Records) > 0 {
					s.heard(p.Partition, time.Now())
				}
			})
		}
	}()
	return s
}

// longestOf is the longest silence of a partition since the last call.
func (s *silences) longestOf() (longest time.Duration) {
	for _, d := range s.take() {
		longest = max(longest, d)
	}
	return longest
}

func (s *silences) heard(partition int32, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.last[partition]; ok {
		s.longest[partition] = max(s.longest[partition], now.Sub(before))
	}
	s.last[partition] = now
}

// take gives the longest silence of each partition since the last call, those that last not included.
func (s *silences) take() map[int32]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	longest := s.longest
	s.longest = map[int32]time.Duration{}
	return longest
}

// heardAll is whether something came from each of so many partitions after a time.
func (s *silences) heardAll(partitions int, after time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.last) == partitions && slices.MinFunc(slices.Collect(maps.Values(s.last)), time.Time.Compare).After(after)
}
