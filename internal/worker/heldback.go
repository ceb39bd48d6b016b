package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// heldBackEvery is how often a worker asks whether there are records that the brokers do not send.
const heldBackEvery = 5 * time.Second

// heldBack is where an input stands whose records do not come: a wait for them is told while it does not move.
type heldBack struct {
	fetched int64 // offset behind the last record that came
	stable  int64 // offset of the first open transaction
}

// checkHeldBack asks, now and then, whether inputs without records have some behind open transactions. Brokers send
// nothing of those, not even that they are there.
func (w *Worker) checkHeldBack() {
	if time.Since(w.lookedAt) < heldBackEvery || w.looking.Load() {
		return
	}
	w.lookedAt = time.Now()
	inputs := cluster.Partitions{}
	w.set.Idle(w.now()-starvedAfter.Milliseconds(), func(in *task.Input) { inputs.Add(in.Topic, in.Partition) })
	if len(inputs) == 0 {
		w.heldBack(nil, nil)
		return
	}
	w.looking.Store(true)
	kafka, events := w.config.Cluster, w.events
	// Started by the loop, one at a time, owns nothing, ends with its requests or with the cluster's client.
	go func() {
		defer w.looking.Store(false)
		ctx := kafka.Context()
		stable := kafka.StableEnds(ctx, inputs)
		ends := kafka.Ends(ctx, inputs)
		events.post(func(context.Context) error {
			w.heldBack(stable, ends)
			return nil
		})
	}()
}

// heldBack begins and ends the waits for records, by where the open transactions and the ends of idle inputs are. Other
// inputs wait for nothing.
func (w *Worker) heldBack(stable, ends cluster.ListedOffsets) {
	were := w.held
	w.held = map[starved]heldBack{}
	for topic := range stable {
		for p := range stable[topic] {
			in := w.set.Input(topic, p)
			first, err1 := stable.Lookup(topic, p)
			end, err2 := ends.Lookup(topic, p)
			if in == nil || err1 != nil || err2 != nil || in.Fetched() >= end {
				continue
			}
			w.held[starved{topic, p}] = heldBack{in.Fetched(), first}
		}
	}
	for s, was := range were {
		if is, still := w.held[s]; !still || is != was {
			w.waits.end(s.records())
		}
	}
	for s := range w.held {
		kafka := w.config.Cluster
		w.waits.begin(s.records(), func(ctx context.Context) string {
			return kafka.WhyNoRecords(ctx, s.topic, s.partition)
		})
	}
}

func (s starved) records() string { return fmt.Sprintf("records of %s/%d", s.topic, s.partition) }
