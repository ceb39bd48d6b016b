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
func (w *Worker) checkInputs() {
	if time.Since(w.askedAt) < starvedAfter || w.asking.Load() {
		return
	}
	w.askedAt = time.Now()
	inputs := w.starvedInputs()
	if len(inputs) == 0 {
		return
	}
	w.asking.Store(true)
	kafka, events := w.config.Cluster, w.events
	// Started by the loop, one at a time, owns nothing, ends with its requests or with the cluster's client.
	go func() {
		defer w.asking.Store(false)
		ctx := kafka.Context()
		starts := kafka.Starts(ctx, inputs)
		ends := kafka.StableEnds(ctx, inputs)
		events.post(func(context.Context) error { return w.bounded(starts, ends) })
	}()
}

// starvedInputs finds the inputs that hold up their tasks, and says that they are waited for.
func (w *Worker) starvedInputs() cluster.Partitions {
	inputs, were := cluster.Partitions{}, w.hungry
	w.hungry = nil
	w.set.Starved(w.now()-starvedAfter.Milliseconds(), func(in *task.Input) {
		inputs.Add(in.Topic, in.Partition)
		s := starved{in.Topic, in.Partition}
		w.hungry = append(w.hungry, s)
		kafka := w.config.Cluster
		w.waits.begin(s.wait(), func(ctx context.Context) string { return kafka.WhyNoRecords(ctx, s.topic, s.partition) })
	})
	for _, s := range were {
		if !slices.Contains(w.hungry, s) {
			w.waits.end(s.wait())
		}
	}
	return inputs
}

// bounded tells the tasks where their inputs begin and end now.
func (w *Worker) bounded(starts, ends cluster.ListedOffsets) error {
	for topic := range starts {
		for p := range starts[topic] {
			in := w.set.Input(topic, p)
			start, err1 := starts.Lookup(topic, p)
			end, err2 := ends.Lookup(topic, p)
			if in == nil || err1 != nil || err2 != nil {
				continue // revoked meanwhile, or without a leader: the next look will tell
			}
			if err := w.skips(in, start); err != nil {
				return err
			}
			w.set.Bounded(in, start, end)
		}
	}
	return nil
}

// skips tells of records of a running task that were deleted before they were fetched: the client goes on from the
// start of the partition without a word. It is an error where the topic is read from committed offsets only.
func (w *Worker) skips(in *task.Input, start int64) error {
	at := in.Fetched()
	if at >= start {
		return nil
	}
	if err := w.refuseDeleted(in, at, start); err != nil {
		return err
	}
	w.config.Logger.Warn("records were deleted before they were read", "topic", in.Topic, "partition", in.Partition,
		"from", at, "to", start)
	return nil
}
