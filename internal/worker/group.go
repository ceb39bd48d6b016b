package worker

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/assign"
	"github.com/millstream-go/millstream/internal/graph"
)

// memberData is what a member of the group says of itself.
type memberData struct {
	userData
	id         string
	generation int32
	owned      []kmsg.ConsumerMemberMetadataOwnedPartition
}

// readMember reads what a member says. own are the sub-topologies of this process, for members of earlier releases,
// which do not tell theirs.
func readMember(id string, instance *string, meta *kmsg.ConsumerMemberMetadata, own []part) memberData {
	t := memberData{id: id, generation: meta.Generation, owned: meta.OwnedPartitions}
	var err error
	if t.userData, err = decodeUserData(meta.UserData, meta.Topics); err == nil {
		return t
	}
	t.stored = decodeFormat1(meta.UserData)
	if instance != nil {
		if i := strings.LastIndexByte(*instance, '-'); i > 0 {
			t.process = (*instance)[:i]
		}
	}
	for _, p := range own {
		knows := func(topic string) bool { return slices.Contains(meta.Topics, topic) }
		if p.pattern || !slices.ContainsFunc(p.topics, func(topic string) bool { return !knows(topic) }) {
			t.parts = append(t.parts, p)
		}
	}
	return t
}

// partsOf are the sub-topologies of a topology.
func partsOf(topo *graph.Topology) (parts []part) {
	for _, sub := range topo.Subs() {
		p := part{id: sub.ID, topics: topo.Inputs(sub), stateful: len(sub.Stores) > 0}
		for _, n := range sub.Nodes {
			p.pattern = p.pattern || n.Kind == graph.SourceNode && n.Topic.Pattern != nil
		}
		parts = append(parts, p)
	}
	return parts
}

func (p part) key() string { return strings.Join(p.topics, "\x00") }

// runs is true if a member whose sub-topology is p can run what the group has agreed on.
func (p part) runs(agreed part) bool {
	if slices.Equal(p.topics, agreed.topics) {
		return true
	}
	missing := func(topic string) bool { return !slices.Contains(agreed.topics, topic) }
	return p.pattern && agreed.pattern && p.id == agreed.id && !slices.ContainsFunc(p.topics, missing)
}

// agreed are the sub-topologies that the group runs. While two versions of an application share it, members have
// different ones: then the larger counts, so that each topic that some member knows is read, together with those that
// it is read with there.
func agreed(members []memberData) []part {
	known, tellers := map[string]part{}, map[string]int{}
	for _, m := range members {
		for _, p := range m.parts {
			key := p.key()
			have := known[key]
			p.stateful, p.pattern = p.stateful || have.stateful, p.pattern || have.pattern
			known[key] = p
			tellers[key]++
		}
	}
	order := slices.SortedFunc(maps.Keys(known), func(x, y string) int {
		return cmp.Or(-cmp.Compare(len(known[x].topics), len(known[y].topics)),
			-cmp.Compare(tellers[x], tellers[y]), cmp.Compare(x, y))
	})
	taken := map[string]bool{}
	var parts []part
	for _, key := range order {
		topics := known[key].topics
		if slices.ContainsFunc(topics, func(topic string) bool { return taken[topic] }) {
			continue
		}
		for _, topic := range topics {
			taken[topic] = true
		}
		parts = append(parts, known[key])
	}
	return slices.SortedFunc(slices.Values(parts), func(x, y part) int { return cmp.Compare(x.key(), y.key()) })
}

// groupOf is what is to be dealt to the members. Its sub-topologies are the parts that were agreed on.
func groupOf(members []memberData, parts []part, counts map[string]int32) assign.Group {
	g := assign.Group{Stateful: map[int]bool{}}
	at := map[string]int{}
	for i, p := range parts {
		most := int32(0)
		for _, topic := range p.topics {
			most, at[topic] = max(most, counts[topic]), i
		}
		for partition := range most {
			g.Tasks = append(g.Tasks, assign.Task{Sub: i, Partition: partition})
		}
		g.Stateful[i] = p.stateful
	}
	for _, m := range members {
		g.Members = append(g.Members, m.member(parts, at))
	}
	return g
}

// member is the member, with the sub-topologies that were agreed on in place of its own.
func (t memberData) member(parts []part, at map[string]int) assign.Member {
	out := assign.Member{ID: t.id, Process: t.process, Generation: t.generation, Unable: map[int]bool{}}
	number := map[int]int{}
	for i, agreed := range parts {
		own := slices.IndexFunc(t.parts, func(p part) bool { return p.runs(agreed) })
		if out.Unable[i] = own < 0; own >= 0 {
			number[t.parts[own].id] = i
		}
	}
	owned := map[assign.Task]bool{}
	for _, o := range t.owned {
		i, ok := at[o.Topic]
		if !ok {
			continue
		}
		for _, p := range o.Partitions {
			if task := (assign.Task{Sub: i, Partition: p}); !owned[task] {
				owned[task] = true
				out.Owned = append(out.Owned, task)
			}
		}
	}
	for _, c := range t.stored {
		if i, ok := number[c.Sub]; ok {
			out.Stored = append(out.Stored, assign.Copy{Task: assign.Task{Sub: i, Partition: c.Partition}, Age: c.Age})
		}
	}
	return out
}
