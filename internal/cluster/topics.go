package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// DeletedSourceError means that a topic which the application reads was deleted while it ran, or deleted and created
// anew: what it had not read is gone, and its offsets mean nothing in another topic. Create the topic if it is missing,
// and start the application again: what is left of the old topic in state or in offsets is a LostInputError then.
type DeletedSourceError struct {
	Topic string
	Anew  bool // there is another topic of the same name by now
}

func (e *DeletedSourceError) Error() string {
	if e.Anew {
		return fmt.Sprintf("topic %s, which the application reads, was deleted and created anew: "+
			"start the application again, which says what can be done", e.Topic)
	}
	return fmt.Sprintf("topic %s, which the application reads, was deleted: create it, and start the application again",
		e.Topic)
}

// known are the topics of an application as it first found them, but for those that match patterns: they may come and
// go.
type known struct {
	gate
	ids     map[string][16]byte
	sources []string
	sinks   []string
	at      time.Time // of the last look
	err     error     // that it found
	globals map[string]int32
	without Partitions      // of the topics, that have no leader
	missing map[string]bool // outputs, told already
}

// learn adds the topics that a layout has found, or made.
func (c *Cluster) learn(ctx context.Context, l *Layout) error {
	if err := c.known.enter(ctx); err != nil {
		return err
	}
	defer c.known.leave()
	c.known.sources, c.known.sinks = c.setup.Topology.ExternalTopics()
	if c.setup.DeadLetterTopic != "" {
		c.known.sinks = append(c.known.sinks, c.setup.DeadLetterTopic)
	}
	names := slices.Clone(c.known.sources)
	for _, t := range sizedTopics(c.setup, l.Partitions) {
		names = append(names, t.name)
	}
	_, ids, err := c.identify(ctx, names)
	if err != nil {
		return err
	}
	if c.known.ids == nil {
		c.known.ids, c.known.missing = map[string][16]byte{}, map[string]bool{}
	}
	for name, id := range ids {
		if _, ok := c.known.ids[name]; !ok {
			c.known.ids[name] = id
		}
	}
	all := slices.Concat(slices.Collect(maps.Keys(c.known.ids)), c.known.sinks)
	c.names.Store(&all)
	return nil
}

// Verify is an error if a topic that the application was found to read, or that it made for itself, has gone or is
// another one. It gives the numbers of partitions of the topics of global tables, and the partitions without a leader.
// Workers that ask within the same span of time get the same answer.
func (c *Cluster) Verify(ctx context.Context, every time.Duration) (
	globals map[string]int32, without Partitions, err error,
) {
	if err := c.known.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer c.known.leave()
	if time.Since(c.known.at) >= every {
		c.known.globals, c.known.err = c.compare(ctx)
		c.known.at = time.Now()
	}
	return c.known.globals, c.known.without, c.known.err
}

// compare finds topics as they are now, for a moment more than once: a broker that has just started may not know them
// all.
func (c *Cluster) compare(ctx context.Context) (map[string]int32, error) {
	names := slices.Concat(slices.Collect(maps.Keys(c.known.ids)), c.known.sinks)
	if len(names) == 0 {
		return nil, nil // no names would mean all topics
	}
	for began := time.Now(); ; {
		found, err := c.topics(ctx, names)
		if err == nil {
			err = c.changed(found)
		}
		if err == nil {
			c.warnOfSinks(found)
			c.known.without = Partitions{}
			found.EachPartition(func(p kadm.PartitionDetail) {
				if p.Leader < 0 || p.Err != nil {
					c.known.without.Add(p.Topic, p.Partition)
				}
			})
			return partitionsOf(found, c.setup.Topology.GlobalTopics()), nil
		}
		if !IsTopicError(err) || time.Since(began) > topicsAppear {
			return nil, err
		}
		if err := Sleep(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func partitionsOf(found kadm.TopicDetails, names []string) map[string]int32 {
	counts := map[string]int32{}
	for _, name := range names {
		counts[name] = int32(len(found[name].Partitions))
	}
	return counts
}

// changed is an error for the first topic that is not what it was. An id that was not known is learned: brokers before
// 2.8 have none.
func (c *Cluster) changed(found kadm.TopicDetails) error {
	for name, id := range c.known.ids {
		t, there := found[name]
		if none := [16]byte{}; there && ([16]byte(t.ID) == id || id == none || [16]byte(t.ID) == none) {
			if id == none {
				c.known.ids[name] = t.ID
			}
			continue
		}
		switch {
		case slices.Contains(c.known.sources, name):
			return &DeletedSourceError{Topic: name, Anew: there}
		case there:
			return &InternalTopicError{Topic: name, Have: "been deleted and created anew", Want: "the one that it has written"}
		}
		return &InternalTopicError{Topic: name, Have: "been deleted", Want: "what it has written there"}
	}
	return nil
}

// warnOfSinks tells of outputs that were deleted, once. What is produced to them fails.
func (c *Cluster) warnOfSinks(found kadm.TopicDetails) {
	for _, name := range c.known.sinks {
		if _, there := found[name]; there {
			delete(c.known.missing, name)
		} else if !c.known.missing[name] {
			c.known.missing[name] = true
			c.setup.Logger.Warn("an output topic was deleted: what is produced to it fails", "topic", name)
		}
	}
}

// sinksThere is an error if outputs do not exist any more. A session begins with it: it would fail again.
func (c *Cluster) sinksThere(ctx context.Context) error {
	return untilThere(ctx, func() error {
		_, err := c.checkExternal(ctx, c.setup)
		return err
	})
}

// untilThere repeats a look that misses outputs, for a moment: a broker that has just started may not know them all.
func untilThere(ctx context.Context, look func() error) error {
	for began := time.Now(); ; {
		err := look()
		var missing *MissingSinkError
		if !errors.As(err, &missing) || time.Since(began) > topicsAppear {
			return err
		}
		if err := Sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// IsTopicError is true for what verify finds wrong, and not for brokers that do not answer.
func IsTopicError(err error) bool {
	var source *DeletedSourceError
	var internal *InternalTopicError
	return errors.As(err, &source) || errors.As(err, &internal)
}
