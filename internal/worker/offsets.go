package worker

import (
	"fmt"
	"maps"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/task"
)

// offsets are committed offsets by topic and partition.
type offsets map[string]map[int32]task.Committed

func (o offsets) add(more offsets) {
	for topic, partitions := range more {
		if o[topic] == nil {
			o[topic] = map[int32]task.Committed{}
		}
		maps.Copy(o[topic], partitions)
	}
}

func (o offsets) remove(gone map[string][]int32) {
	for topic, partitions := range gone {
		for _, p := range partitions {
			delete(o[topic], p)
		}
	}
}

func (o offsets) clone() offsets {
	out := offsets{}
	out.add(o)
	return out
}

// committed reads the group's offsets, with their metadata, as the client fetched them: stable, behind any open
// transaction.
func (w *Worker) committed(resp *kmsg.OffsetFetchResponse) (offsets, error) {
	out := offsets{}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = w.config.Cluster.topicOf(t.TopicID)
			}
			out[name] = map[int32]task.Committed{}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("offset of %s/%d: %w", name, p.Partition, err)
				}
				c := task.Committed{Offset: p.Offset, End: -1}
				if p.Metadata != nil {
					c.Metadata = *p.Metadata
				}
				out[name][p.Partition] = c
			}
		}
	}
	return out, nil
}

// GrownTopicError means that an input topic has got more partitions while the application runs. It has to start again
// to read them; and if it has state, or joins the topic with others, that is kept by partition, so that it must start
// anew, under another application id, with topics that are alike.
type GrownTopicError struct {
	Topic    string
	Had, Has int32 // partitions
}

func (e *GrownTopicError) Error() string {
	return fmt.Sprintf("topic %s has grown from %d partitions to at least %d: start the application again",
		e.Topic, e.Had, e.Has)
}

// grown finds partitions that did not exist when the application started.
func (c *Cluster) grown(assigned offsets) error {
	for topic, partitions := range assigned {
		had, has := c.Partitions.Topics[topic], int32(0)
		for p := range partitions {
			has = max(has, p+1)
		}
		if has > had {
			return &GrownTopicError{Topic: topic, Had: had, Has: has}
		}
	}
	return nil
}
