package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millstream-go/millstream/internal/graph"
)

// guards is what is compared from one look to the next.
type guards struct {
	offsets  map[string]map[int32]committed
	open     map[string]map[int32]open
	progress time.Time // when an offset was last seen to move
	event    time.Time // when a fault last began or was mended
}

// committed is an offset of the group with the stream times that it was committed with.
type committed struct {
	offset int64
	times  graph.Metadata
}

// open is the first offset of an open transaction, and since when it is.
type open struct {
	offset int64
	since  time.Time
}

// forget lets the group's offsets be any from now on: whoever runs the application has changed them.
func (g *guards) forget() { g.offsets = nil }

// look is an error if an offset or a stream time has gone back.
func (g *guards) look(info *kfake.GroupInfo) error {
	if g.offsets == nil {
		g.offsets = map[string]map[int32]committed{}
	}
	for topic, partitions := range info.Commits {
		if g.offsets[topic] == nil {
			g.offsets[topic] = map[int32]committed{}
		}
		for p, c := range partitions {
			was, known := g.offsets[topic][p]
			is := committed{c.Offset, graph.DecodeMetadata(c.Metadata)}
			if err := is.behind(was); known && err != nil {
				return fmt.Errorf("%s/%d: %w", topic, p, err)
			}
			if !known || is.offset != was.offset {
				g.progress = time.Now()
			}
			g.offsets[topic][p] = is
		}
	}
	return nil
}

// behind is an error if a commit is behind the one before.
func (c committed) behind(was committed) error {
	if c.offset < was.offset {
		return fmt.Errorf("the committed offset went back from %d to %d", was.offset, c.offset)
	}
	if c.times.PartitionTime < was.times.PartitionTime {
		return fmt.Errorf("stream time went back from %d to %d", was.times.PartitionTime, c.times.PartitionTime)
	}
	for store, at := range was.times.Times {
		if is, ok := c.times.Times[store]; ok && is < at {
			return fmt.Errorf("the time of store %s went back from %d to %d", store, at, is)
		}
	}
	return nil
}

// owners is an error if a partition has two owners in a group that is stable.
func owners(info *kfake.GroupInfo) error {
	if info.State != "Stable" {
		return nil
	}
	owner := map[string]string{}
	for _, m := range info.Members {
		for topic, partitions := range m.Assignment {
			for _, p := range partitions {
				at := fmt.Sprintf("%s/%d", topic, p)
				if other, ok := owner[at]; ok {
					return fmt.Errorf("%s has two owners: %s and %s", at, other, m.MemberID)
				}
				owner[at] = m.MemberID
			}
		}
	}
	return nil
}

// transactions is an error if one has been open for longer than its timeout, with some time for brokers to notice.
func (g *guards) transactions(fake *kfake.Cluster, topics []string, timeout time.Duration) (errs error) {
	if g.open == nil {
		g.open = map[string]map[int32]open{}
	}
	for _, topic := range topics {
		if g.open[topic] == nil {
			g.open[topic] = map[int32]open{}
		}
		for _, p := range fake.PartitionInfos(topic) {
			is := g.open[topic][p.Partition]
			switch {
			case p.LastStableOffset >= p.HighWatermark:
				delete(g.open[topic], p.Partition)
				continue
			case is.since.IsZero() || is.offset != p.LastStableOffset:
				is = open{p.LastStableOffset, time.Now()}
				g.open[topic][p.Partition] = is
			}
			if lasts := time.Since(is.since); lasts > timeout+brokersNotice {
				errs = errors.Join(errs, fmt.Errorf("a transaction has been open in %s/%d from offset %d on for %v", topic,
					p.Partition, is.offset, lasts))
			}
		}
	}
	return errs
}

// brokersNotice is how long brokers may take to end a transaction whose time is over.
const brokersNotice = 5 * time.Second

// silent is an error if there is something to do, nothing is done, and no instance says what it waits for. The time in
// which the group waits for a member that is gone is nobody's.
func (g *guards) silent(named time.Time, behind error, patience time.Duration) error {
	since := g.progress
	if g.event.After(since) {
		since = g.event
	}
	if behind == nil || time.Since(since) < patience || named.After(g.progress) {
		return nil
	}
	return fmt.Errorf("nothing was committed for %v, and no instance has said why: %w", time.Since(since), behind)
}
