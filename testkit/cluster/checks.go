package cluster

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/topology"
)

// offsets are those that the group has committed, as last seen.
type offsets map[string]map[int32]int64

// look is an error if an offset has gone back.
func (o *offsets) look(fake *kfake.Cluster, group string) error {
	info := fake.GroupInfo(group)
	if info == nil {
		return nil
	}
	if *o == nil {
		*o = offsets{}
	}
	for topic, partitions := range info.Commits {
		if (*o)[topic] == nil {
			(*o)[topic] = map[int32]int64{}
		}
		for p, c := range partitions {
			if was := (*o)[topic][p]; c.Offset < was {
				return fmt.Errorf("committed offset of %s/%d went back from %d to %d", topic, p, was, c.Offset)
			}
			(*o)[topic][p] = c.Offset
		}
	}
	return nil
}

// app is the group of the application.
func (s *simulation) app() string {
	if s.job.Config.AppID != "" {
		return s.job.Config.AppID
	}
	topo, err := s.job.Topology()
	if err != nil {
		return ""
	}
	return topo.App
}

// behind is an error while a topic that the application reads has records that are not committed, and while a
// transaction is open anywhere.
func (s *simulation) behind() error {
	topo, err := s.job.Topology()
	if err != nil {
		return err
	}
	info := s.fake.GroupInfo(s.app())
	if info == nil {
		return fmt.Errorf("there is no group %s", s.app())
	}
	inputs := topo.SourceTopics()
	for _, topic := range append(inputs, s.written(topo)...) {
		for _, p := range s.fake.PartitionInfos(topic) {
			at := fmt.Sprintf("%s/%d: last stable offset %d, end %d", topic, p.Partition, p.LastStableOffset, p.HighWatermark)
			if p.LastStableOffset < p.HighWatermark {
				return fmt.Errorf("a transaction is open in %s", at)
			}
			if c := info.Commits[topic][p.Partition].Offset; slices.Contains(inputs, topic) && c < p.HighWatermark {
				return fmt.Errorf("%s, committed %d; group %s", at, c, info.State)
			}
		}
	}
	return nil
}

// written are the topics that the application only writes.
func (s *simulation) written(topo *topology.Topology) (out []string) {
	for _, o := range s.job.Outputs {
		out = append(out, o.topic)
	}
	for _, sub := range topo.Subs {
		for _, spec := range sub.Stores {
			if !spec.Options().NoChangelog {
				out = append(out, topo.ChangelogName(spec.Name()))
			}
		}
	}
	return out
}

// compare compares what the instances wrote with the model.
func (s *simulation) compare() error {
	from, ends := map[string]map[int32]kgo.Offset{}, map[string]map[int32]int64{}
	for _, o := range s.job.Outputs {
		from[o.topic], ends[o.topic] = map[int32]kgo.Offset{}, map[int32]int64{}
		for _, p := range s.fake.PartitionInfos(o.topic) {
			from[o.topic][p.Partition] = kgo.NewOffset().AtStart()
			ends[o.topic][p.Partition] = p.HighWatermark
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.fake.ListenAddrs()...), kgo.Dialer(s.net.DialContext),
		kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer client.Close()
	got, err := readAll(s.ctx, client, ends)
	if err != nil {
		return err
	}
	for _, o := range s.job.Outputs {
		records := got[o.topic]
		slices.SortStableFunc(records, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
		if err := o.check(s.model, records); err != nil {
			return err
		}
	}
	return nil
}
