package worker

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/assign"
	"github.com/millstream-go/millstream/internal/graph"
)

// protocol is the name of the way in which members agree on an assignment. It is not that of Kafka Streams: the broker
// refuses a group that mixes the two.
const protocol = "millstream-1"

// balancer deals tasks, where Kafka's own balancers deal partitions: all inputs of a task go to one member. It is
// cooperative: what stays is not interrupted.
type balancer struct {
	topology *graph.Topology
	process  string
	endpoint string
	layout   uint64 // see userData
	// stored are the copies of state on the disk of the process; nil for all members of a process but one.
	stored func() []assign.Copy
	// heard is called on the leader, with the topics that each member reads.
	onTopics func(topics []string)
	// present is called on the leader, with the identities of all members.
	onMembers func(identities []string)
	log       *slog.Logger
	leads     atomic.Bool // this member, as of the last rebalance
	met       atomic.Bool // strangers, which were told
}

func (b *balancer) ProtocolName() string { return protocol }
func (b *balancer) IsCooperative() bool  { return true }

func (b *balancer) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
	b.leads.Store(false)
	m := kmsg.NewConsumerMemberMetadata()
	m.Version = 3
	m.Topics = slices.Sorted(slices.Values(topics))
	m.Generation = generation
	for _, topic := range slices.Sorted(maps.Keys(current)) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = topic, current[topic]
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	data := userData{process: b.process, endpoint: b.endpoint, layout: b.layout, parts: partsOf(b.topology)}
	for i, p := range data.parts {
		unread := func(topic string) bool { return !slices.Contains(m.Topics, topic) }
		data.parts[i].topics = slices.DeleteFunc(p.topics, unread)
	}
	if b.stored != nil {
		data.stored = b.stored()
	}
	m.UserData = data.encode(m.Topics)
	return m.AppendTo(nil)
}

func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

// MemberBalancer is called on the leader, even if it came back and need not deal.
func (b *balancer) MemberBalancer(
	members []kmsg.JoinGroupResponseMember,
) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	c, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, err
	}
	b.leads.Store(true)
	var identities []string
	bytes := 0
	for _, m := range members {
		bytes += len(m.ProtocolMetadata)
		if m.InstanceID != nil {
			identities = append(identities, *m.InstanceID)
		}
	}
	b.onMembers(identities)
	b.checkSize(len(members), bytes)
	return c, c.MemberTopics(), nil
}

// groupLimit is what a group may have in one record, unless the brokers were told otherwise.
const groupLimit = 1_000_000

// checkSize says that a group comes near to what brokers take: beyond, no member gets tasks any more. The assignment
// has about as many bytes as the metadata of members.
func (b *balancer) checkSize(members, bytes int) {
	if bytes > groupLimit/3 {
		b.log.Warn("the group comes near to the size that brokers store: beyond it, it never becomes stable; use fewer "+
			"workers, topics or partitions, or raise max.message.bytes of __consumer_offsets and message.max.bytes",
			"members", members, "metadata_bytes", bytes, "default_limit", 1<<20)
	}
}

// Balance is called on the leader, with the partition counts of all topics.
func (b *balancer) Balance(c *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	var members []memberData
	own := partsOf(b.topology)
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		members = append(members, readMember(m.MemberID, m.InstanceID, meta, own))
		b.onTopics(meta.Topics)
	})
	b.warnOfStrangers(members, own)
	parts := agreed(members)
	dealt := groupOf(members, parts, counts).Deal()
	plan := c.NewPlan()
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, _ *kmsg.ConsumerMemberMetadata) {
		for _, t := range dealt[m.MemberID] {
			for _, topic := range parts[t.Sub].topics {
				if t.Partition < counts[topic] {
					plan.AddPartition(m, topic, t.Partition)
				}
			}
		}
	})
	plan.AdjustCooperative(c)
	return plan
}

// sortedKeys are the keys of a map, in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
