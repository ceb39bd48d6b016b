package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// app is the group of the application.
func (s *simulation) app() string {
	if s.job.Config.AppID != "" {
		return s.job.Config.AppID
	}
	return s.topo.App()
}

// look checks what must always hold.
func (s *simulation) look() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		if err := i.look(); err != nil {
			return err
		}
	}
	if s.err != nil {
		return s.err
	}
	info := s.fake.GroupInfo(s.app())
	if info == nil {
		return nil
	}
	if err := s.guards.look(info); err != nil && !s.accepts && s.out == 0 {
		return err
	}
	if err := owners(info); err != nil {
		return err
	}
	if err := s.guards.transactions(s.fake, s.written(), s.transactionTimeout()); err != nil {
		return err
	}
	if s.out > 0 {
		s.guards.event = time.Now()
		return nil
	}
	if patience := s.patience(); s.alive(patience) && !s.waits() {
		return s.guards.silent(s.log.namedAt(), s.behind(), patience)
	}
	return nil
}

// alive is true if an instance has been for a while, and reaches all brokers: one that reads what nobody sends does not
// know that it waits.
func (s *simulation) alive(since time.Duration) bool {
	for _, i := range s.instances {
		if len(s.down) == 0 && i.ended != nil && i.network.frozen() == nil && time.Since(i.began) >= since {
			return true
		}
	}
	return false
}

// waits is true if an instance has named a wait that is not over.
func (s *simulation) waits() bool {
	return slices.ContainsFunc(s.instances, func(i *instance) bool { return i.ended != nil && s.log.waits(i.life()) })
}

func (s *simulation) transactionTimeout() time.Duration {
	return orElse(s.job.Config.TransactionTimeout, 10*time.Second)
}

// patience is how long there may be no progress before somebody must have said why: 10 s once the group has given up a
// member, and the time that brokers have to answer what the cause is.
func (s *simulation) patience() time.Duration {
	return 2*orElse(s.job.Config.SessionTimeout, 10*time.Second) + 10*time.Second + s.job.Config.CommitInterval
}

// behind is an error while a topic that the application reads has records that are not committed, and while a
// transaction is open anywhere.
func (s *simulation) behind() error {
	info := s.fake.GroupInfo(s.app())
	if info == nil {
		return fmt.Errorf("there is no group %s", s.app())
	}
	inputs := s.running().SourceTopics()
	for _, topic := range append(inputs, s.written()...) {
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

// unfinished is an error while an instance is not what it should be once all faults are over.
func (s *simulation) unfinished() error {
	for _, i := range s.instances {
		if is := i.app.State(); is != streams.Running {
			return fmt.Errorf("instance %d is %v", i.index, is)
		}
	}
	return s.behind()
}

// running is the topology that all instances know.
func (s *simulation) running() *graph.Topology {
	for _, i := range s.instances {
		if !i.upgraded {
			return s.topo
		}
	}
	return s.upgrade
}

// written are the topics that the application only writes.
func (s *simulation) written() (out []string) {
	for _, o := range s.job.Outputs {
		out = append(out, o.topic)
	}
	return append(out, s.changelogs()...)
}

// changelogs are those of the application.
func (s *simulation) changelogs() (out []string) {
	for _, sub := range s.topo.Subs() {
		for _, spec := range sub.Stores {
			if !spec.Options().NoChangelog {
				out = append(out, s.topo.ChangelogName(spec.Name()))
			}
		}
	}
	return out
}

// compare compares what the instances wrote with the model, unless it was said that it cannot be the same.
func (s *simulation) compare() error {
	if s.different() {
		return nil
	}
	var topics []string
	for _, o := range s.job.Outputs {
		topics = append(topics, o.topic)
	}
	got, err := s.read(topics)
	if err != nil {
		return err
	}
	for _, o := range s.job.Outputs {
		if err := o.check(s.model, got[o.topic]); err != nil {
			return err
		}
	}
	return s.compareDrops()
}

// compareDrops: a record that the model drops is dropped, once or, after failures, more often, and no other.
func (s *simulation) compareDrops() error {
	want := s.model.Dropped()
	for reason, n := range want {
		if s.dropped[reason] < n {
			return fmt.Errorf("%d records were dropped as %s, want %d", s.dropped[reason], reason, n)
		}
	}
	for reason, n := range s.dropped {
		if want[reason] == 0 && n > 0 {
			return fmt.Errorf("%d records were dropped as %s, want none", n, reason)
		}
	}
	return nil
}

// read reads the committed records of topics, in the order of their partitions and offsets, with control records left
// out.
func (s *simulation) read(topics []string) (map[string][]*kgo.Record, error) {
	from, ends := map[string]map[int32]kgo.Offset{}, map[string]map[int32]int64{}
	for _, topic := range topics {
		for _, p := range s.fake.PartitionInfos(topic) {
			if p.LogStartOffset >= p.HighWatermark {
				continue
			}
			if from[topic] == nil {
				from[topic], ends[topic] = map[int32]kgo.Offset{}, map[int32]int64{}
			}
			from[topic][p.Partition] = kgo.NewOffset().AtStart()
			ends[topic][p.Partition] = p.HighWatermark
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.fake.ListenAddrs()...), kgo.Dialer(s.net.DialContext),
		kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	got, err := readAll(s.ctx, client, ends)
	for _, records := range got {
		slices.SortStableFunc(records, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	}
	return got, err
}
