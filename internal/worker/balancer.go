package worker

import (
	"encoding/json"
	"maps"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/assign"
	"github.com/millstream-go/millstream/topology"
)

// protocol is the name of the way in which members agree on an assignment. It is not that of Kafka Streams: the broker
// refuses a group that mixes the two.
const protocol = "millstream-1"

// balancer deals tasks, where Kafka's own balancers deal partitions: all inputs of a task go to one member. It is
// cooperative: what stays is not interrupted.
type balancer struct {
	topology *topology.Topology
	stateDir string
	// heard is called on the leader, with the topics that each member reads.
	heard func(topics []string)
}

// userData is what a member tells the leader beside the partitions that it owns.
type userData struct {
	Stored []assign.Task `json:"stored"` // tasks with state on its disk
}

func (b *balancer) ProtocolName() string { return protocol }
func (b *balancer) IsCooperative() bool  { return true }

func (b *balancer) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version = 3
	m.Topics = topics
	m.Generation = generation
	for _, topic := range slices.Sorted(maps.Keys(current)) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = topic, current[topic]
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	m.UserData, _ = json.Marshal(userData{Stored: storedTasks(b.stateDir)}) // cannot fail: numbers only
	return m.AppendTo(nil)
}

// storedTasks are the tasks that have a directory.
func storedTasks(dir string) (tasks []assign.Task) {
	entries, _ := os.ReadDir(dir) // a directory that is not there has none
	for _, e := range entries {
		if id, err := topology.ParseTaskID(e.Name()); err == nil && e.IsDir() {
			tasks = append(tasks, assign.Task{Sub: id.Sub, Partition: id.Partition})
		}
	}
	return tasks
}

func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

func (b *balancer) MemberBalancer(
	members []kmsg.JoinGroupResponseMember,
) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	c, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, err
	}
	return c, c.MemberTopics(), nil
}

// Balance is called on the leader, with the partition counts of all topics.
func (b *balancer) Balance(c *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	var tasks []assign.Task
	for _, sub := range b.topology.Subs {
		most := int32(0)
		for _, topic := range b.topology.Inputs(sub) {
			most = max(most, counts[topic])
		}
		for p := range most {
			tasks = append(tasks, assign.Task{Sub: sub.ID, Partition: p})
		}
	}
	var members []assign.Member
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		members = append(members, b.member(m, meta))
		b.heard(meta.Topics)
	})
	plan := c.NewPlan()
	dealt := assign.Tasks(tasks, members)
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, _ *kmsg.ConsumerMemberMetadata) {
		for _, t := range dealt[m.MemberID] {
			for _, topic := range b.topology.Inputs(b.topology.Subs[t.Sub]) {
				if t.Partition < counts[topic] {
					plan.AddPartition(m, topic, t.Partition)
				}
			}
		}
	})
	plan.AdjustCooperative(c)
	return plan
}

func (b *balancer) member(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) assign.Member {
	out := assign.Member{ID: m.MemberID, Generation: meta.Generation}
	for _, o := range meta.OwnedPartitions {
		sub := b.topology.SubOf(o.Topic)
		if sub == nil {
			continue // the member runs another version of the topology
		}
		for _, p := range o.Partitions {
			if t := (assign.Task{Sub: sub.ID, Partition: p}); !slices.Contains(out.Owned, t) {
				out.Owned = append(out.Owned, t)
			}
		}
	}
	var data userData
	if json.Unmarshal(meta.UserData, &data) == nil { // another version's: then nothing is known of its disk
		out.Stored = data.Stored
	}
	return out
}
