package cluster

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
)

// lossy are the faults by name that take away what an application counts on. It must say so, with one of the errors of
// docs/failures.md or in its log, or the results must be those of the model all the same. After an error it is told to
// go on, and must.
var lossy = map[string]func(s *simulation, f fault){
	// group-expired stops all instances, and has the group's offsets expire.
	"group-expired": func(s *simulation, f fault) {
		s.expects("LostOffsetsError")
		s.reset = true
		s.consented = s.consented || !s.keeps() // a process without a directory cannot know that there were any
		s.outage(f.lasts, func() error {
			deleted, err := s.admin.DeleteGroups(s.ctx, s.app())
			if err == nil {
				err = deleted.Error()
			}
			return s.changed(f, err)
		})
	},
	// group-back stops all instances, and sets the group's offsets back. Whoever does that asks for records to be counted
	// again, and is told so only where the newest directories are: see docs/failures.md, "What is not found".
	"group-back": func(s *simulation, f fault) {
		s.expects("LostOffsetsError")
		s.outage(f.lasts, func() error {
			return s.changed(f, s.commit(func(_ string, _ int32, at int64) int64 { return at / 2 }))
		})
		s.consented = true
	},
	// group-ahead stops all instances, and sets the group's offsets behind the ends of the inputs, as those of another
	// cluster would be.
	"group-ahead": func(s *simulation, f fault) {
		s.expects("LostInputError")
		s.outage(f.lasts, func() error {
			return s.changed(f, s.commit(func(topic string, p int32, _ int64) int64 {
				return s.fake.PartitionInfo(topic, p).HighWatermark + 100
			}))
		})
	},
	// input-expired deletes records of an input from the start of a partition, as retention does.
	"input-expired": func(s *simulation, f fault) {
		s.expired = true
		s.truncate(f, s.inputs())
	},
	// input-anew deletes an input and creates it anew.
	"input-anew": func(s *simulation, f fault) {
		s.expects("DeletedSourceError", "LostInputError", "LostOffsetsError")
		s.maybeAway(f, func() error { return s.anew(f, s.inputs(), true) })
		s.consented = s.consented || !s.keeps() // whatever was not read yet is gone
	},
	// input-deleted deletes an input, which is created anew a while later.
	"input-deleted": func(s *simulation, f fault) {
		s.expects("MissingSourceError", "DeletedSourceError", "LostInputError", "LostOffsetsError")
		s.consented = true // what is written meanwhile is written when the topic is back, what was not read is gone
		s.check(s.vanish(f, pick(s.inputs(), f.n/2)))
	},
	// input-shortened has an input begin again with the first of its records, as that of another cluster may.
	"input-shortened": func(s *simulation, f fault) {
		s.expects("DeletedSourceError", "LostInputError", "LostOffsetsError")
		s.maybeAway(f, func() error { return s.shorten(f, pick(s.inputs(), f.n/2)) })
		s.consented = s.consented || !s.keeps()
	},
	// input-grown gives an input one more partition, which nobody writes to.
	"input-grown": func(s *simulation, f fault) {
		if s.keeps() {
			return // there is no way on for state
		}
		s.expects("GrownTopicError")
		s.maybeAway(f, func() error {
			grown, err := s.admin.CreatePartitions(s.ctx, 1, pick(s.inputs(), f.n/2))
			if err == nil {
				err = grown.Error()
			}
			return s.changed(f, err)
		})
	},
	// changelog-deleted deletes a changelog.
	"changelog-deleted": func(s *simulation, f fault) {
		s.expects("InternalTopicError", "LostStateError")
		s.maybeAway(f, func() error { return s.anew(f, s.changelogs(), false) })
	},
	// changelog-anew deletes a changelog and creates it anew.
	"changelog-anew": func(s *simulation, f fault) {
		s.expects("InternalTopicError", "LostStateError")
		s.maybeAway(f, func() error { return s.anew(f, s.changelogs(), true) })
	},
	// changelog-truncated deletes all records of a changelog's partition. Nobody can tell that from what retention does if
	// rows expire, or if the log has records again when a task has to begin with it.
	"changelog-truncated": func(s *simulation, f fault) {
		s.expects("LostStateError")
		f.after = wholly
		s.consented = s.consented || f.n%2 > 0 || slices.ContainsFunc(s.topo.Subs(), expires)
		s.maybeAway(f, func() error {
			s.truncate(f, s.changelogs())
			return nil
		})
	},
	// changelog-cut deletes some records of a changelog's partition, from its start. A task that has to begin with what is
	// left cannot know of them, as nobody but the application may change its changelogs.
	"changelog-cut": func(s *simulation, f fault) {
		s.expects("LostStateError")
		s.consented = true
		s.truncate(f, s.changelogs())
	},
	// repartition-deleted deletes a repartition topic.
	"repartition-deleted": func(s *simulation, f fault) {
		s.expects("InternalTopicError", "DeletedSourceError", "LostInputError", "LostOffsetsError")
		s.maybeAway(f, func() error { return s.anew(f, s.repartitions(), false) })
	},
}

// wholly has all records of a partition deleted.
const wholly = -1

// changed notes that a fault has met the cluster, after which the group's offsets may be any.
func (s *simulation) changed(f fault, err error) error {
	if err == nil {
		s.guards.forget()
		s.meets(f.kind)
	}
	return err
}

// maybeAway does something while the instances run, or while they are away.
func (s *simulation) maybeAway(f fault, do func() error) {
	if f.n%2 == 0 {
		s.outage(f.lasts, do)
		return
	}
	s.check(do())
}

// anew deletes one of some topics, and may create it anew.
func (s *simulation) anew(f fault, topics []string, again bool) error {
	if len(topics) == 0 {
		return nil
	}
	topic := pick(topics, f.n/2)
	info, n := s.fake.TopicInfo(topic), int32(len(s.fake.PartitionInfos(topic)))
	if info == nil {
		return nil // not created yet
	}
	configs := map[string]string{}
	for name, value := range info.Configs {
		if value != nil {
			configs[name] = *value
		}
	}
	if err := s.fake.DeleteTopic(topic); err != nil {
		return err
	}
	if again {
		if err := s.fake.CreateTopic(topic, n, configs); err != nil {
			return err
		}
	}
	s.log.tell(f.kind + " of " + topic)
	return s.changed(f, nil)
}

// truncate deletes records of a partition of one of some topics.
func (s *simulation) truncate(f fault, topics []string) {
	if len(topics) == 0 {
		return
	}
	topic := pick(topics, f.n)
	partitions := s.fake.PartitionInfos(topic)
	if len(partitions) == 0 {
		return
	}
	p := pick(partitions, f.n/7)
	to := p.HighWatermark
	if f.after != wholly {
		to = p.LogStartOffset + int64(f.n)%(p.HighWatermark-p.LogStartOffset+1)
	}
	if to > p.LogStartOffset {
		s.check(s.fake.DeleteRecords(topic, p.Partition, to))
		s.log.tell(f.kind + " of " + topic)
		s.meets(f.kind)
	}
}

// commit gives the group other offsets.
func (s *simulation) commit(to func(topic string, p int32, at int64) int64) error {
	info := s.fake.GroupInfo(s.app())
	if info == nil {
		return nil
	}
	offsets := kadm.Offsets{}
	for topic, partitions := range info.Commits {
		for p, c := range partitions {
			offsets.AddOffset(topic, p, to(topic, p, c.Offset), -1)
		}
	}
	committed, err := s.admin.CommitOffsets(s.ctx, s.app(), offsets)
	if err == nil {
		err = committed.Error()
	}
	return err
}

// keeps is true if the application has state.
func (s *simulation) keeps() bool {
	for _, sub := range s.topo.Subs() {
		if len(sub.Stores) > 0 {
			return true
		}
	}
	return false
}

// inputs are the topics that the application reads and does not write, global tables left out.
func (s *simulation) inputs() []string {
	sources, _ := s.topo.ExternalTopics()
	return sources
}

func (s *simulation) repartitions() (out []string) {
	for _, topic := range s.topo.SourceTopics() {
		if s.topo.IsRepartition(topic) {
			out = append(out, topic)
		}
	}
	return out
}

// topologies are those of the job.
func (j *Job) topologies() (first, upgrade *graph.Topology, err error) {
	topo, err := j.Topology()
	first = (*graph.Topology)(topo)
	if err != nil || j.Upgrade == nil {
		return first, first, err
	}
	topo, err = j.Upgrade()
	return first, (*graph.Topology)(topo), err
}

// feeder is a client that faults do not reach.
func (s *simulation) feeder() (*kgo.Client, error) {
	return kgo.NewClient(kgo.SeedBrokers(s.fake.ListenAddrs()...), kgo.Dialer(s.net.DialContext),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
}
