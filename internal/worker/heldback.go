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
	fetched int64 // offset after the last record that came
	stable  int64 // offset of the first open transaction
}

// checkHeldBack asks, now and then, whether inputs without records have some behind open transactions. Brokers send
// nothing of those, not even that they are there.
func (s *session) checkHeldBack() {
	if !s.heldAsked.due(heldBackEvery) {
		return
	}
	inputs := cluster.Partitions{}
	s.set.Idle(s.now()-starvedAfter.Milliseconds(), func(in *task.Input) { inputs.Add(in.Topic, in.Partition) })
	if len(inputs) == 0 {
		s.noteHeldBack(nil, nil)
		return
	}
	kafka := s.config.Cluster
	s.ask(&s.heldAsked, func(ctx context.Context) func(context.Context) error {
		stable := kafka.StableEnds(ctx, inputs)
		ends := kafka.Ends(ctx, inputs)
		return func(context.Context) error {
			s.noteHeldBack(stable, ends)
			return nil
		}
	})
}

// noteHeldBack begins and ends the waits for records, by where the open transactions and the ends of idle inputs are.
// Other inputs wait for nothing.
func (s *session) noteHeldBack(stable, ends cluster.ListedOffsets) {
	were := s.held
	s.held = map[starved]heldBack{}
	for topic := range stable {
		for p := range stable[topic] {
			in := s.set.Input(topic, p)
			first, err1 := stable.Lookup(topic, p)
			end, err2 := ends.Lookup(topic, p)
			if in == nil || err1 != nil || err2 != nil || in.Fetched() >= end {
				continue
			}
			s.held[starved{topic, p}] = heldBack{in.Fetched(), first}
		}
	}
	for in, was := range were {
		if is, still := s.held[in]; !still || is != was {
			s.worker.waits.end(in.records())
		}
	}
	for in := range s.held {
		kafka := s.config.Cluster
		s.worker.waits.begin(in.records(), func(ctx context.Context) string {
			return kafka.WhyNoRecords(ctx, in.topic, in.partition)
		})
	}
}

func (s starved) records() string { return fmt.Sprintf("records of %s/%d", s.topic, s.partition) }
