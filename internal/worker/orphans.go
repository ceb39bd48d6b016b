package worker

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/internal/cluster"
)

// orphans are the partitions without an owner, in a group that is stable and has a member that could have them. inputs
// are topics with their numbers of partitions.
func orphans(ctx context.Context, c *cluster.Cluster, inputs map[string]int32, own []part) ([]string, error) {
	g, err := c.Group(ctx)
	if err != nil {
		return nil, err
	}
	members := readMembers(g, own)
	able := map[string]bool{}
	for _, p := range agreed(members) {
		for _, topic := range p.topics {
			able[topic] = slices.ContainsFunc(members, func(m memberData) bool {
				return slices.ContainsFunc(m.parts, func(has part) bool { return has.runs(p) })
			})
		}
	}
	owned := g.AssignedPartitions()
	var orphans []string
	for topic, n := range inputs {
		for p := range n {
			if _, ok := owned[topic][p]; !ok && able[topic] {
				orphans = append(orphans, fmt.Sprintf("%s/%d", topic, p))
			}
		}
	}
	slices.Sort(orphans)
	return orphans, nil
}

// readMembers is what the members of a group say of themselves.
func readMembers(g kadm.DescribedGroup, own []part) (members []memberData) {
	for _, m := range g.Members {
		if meta, ok := m.Join.AsConsumer(); ok {
			members = append(members, readMember(m.MemberID, m.InstanceID, meta, own))
		}
	}
	return members
}
