package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// starvedAfter is how long a task may wait for records that are known to be there, before the worker asks whether they
// still are: a broker may have deleted them meanwhile, and sends nothing then.
const starvedAfter = time.Second

// starved is an input that holds up its task.
type starved struct {
	topic     string
	partition int32
}

func (s starved) wait() string { return fmt.Sprintf("input %s/%d", s.topic, s.partition) }

// checkInputs asks, now and then, for the bounds of the inputs that hold up their tasks.
func (s *session) checkInputs() {
	if !s.bounds.due(starvedAfter) {
		return
	}
	inputs := s.starvedInputs()
	if len(inputs) == 0 {
		return
	}
	kafka := s.config.Cluster
	s.ask(&s.bounds, func(ctx context.Context) func(context.Context) error {
		starts := kafka.Starts(ctx, inputs)
		ends := kafka.StableEnds(ctx, inputs)
		return func(context.Context) error { return s.noteBounds(starts, ends) }
	})
}

// starvedInputs finds the inputs that hold up their tasks, and says that they are waited for.
func (s *session) starvedInputs() cluster.Partitions {
	inputs, were := cluster.Partitions{}, s.starving
	s.starving = nil
	s.set.Starved(s.now()-starvedAfter.Milliseconds(), func(in *task.Input) {
		inputs.Add(in.Topic, in.Partition)
		at := starved{in.Topic, in.Partition}
		s.starving = append(s.starving, at)
		kafka := s.config.Cluster
		s.worker.waits.begin(at.wait(), func(ctx context.Context) string {
			return kafka.WhyNoRecords(ctx, at.topic, at.partition)
		})
	})
	for _, in := range were {
		if !slices.Contains(s.starving, in) {
			s.worker.waits.end(in.wait())
		}
	}
	return inputs
}

// noteBounds tells the tasks where their inputs begin and end now.
func (s *session) noteBounds(starts, ends cluster.ListedOffsets) error {
	for topic := range starts {
		for p := range starts[topic] {
			in := s.set.Input(topic, p)
			start, err1 := starts.Lookup(topic, p)
			end, err2 := ends.Lookup(topic, p)
			if in == nil || err1 != nil || err2 != nil {
				continue // revoked meanwhile, or without a leader: the next look will tell
			}
			if err := s.warnOfGap(in, start); err != nil {
				return err
			}
			s.set.Bounded(in, start, end)
		}
	}
	return nil
}
