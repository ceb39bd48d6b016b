package worker

import (
	"maps"
	"slices"
)

// strangers are the topics of members that read none of ours, nor any of those that read some of ours. They are of a
// release with other inputs altogether; or of another application, which was given the same id by mistake.
func strangers(members []memberData, own []part) []string {
	ours, others := map[string]bool{}, map[string]bool{}
	for _, p := range own {
		addTopics(ours, p)
	}
	left := slices.Clone(members)
	for n := len(left) + 1; len(left) < n; {
		n = len(left)
		left = slices.DeleteFunc(left, func(m memberData) bool {
			knows := slices.ContainsFunc(m.parts, func(p part) bool {
				return p.pattern || slices.ContainsFunc(p.topics, func(topic string) bool { return ours[topic] })
			})
			for _, p := range m.parts {
				if knows {
					addTopics(ours, p)
				}
			}
			return knows
		})
	}
	for _, m := range left {
		for _, p := range m.parts {
			addTopics(others, p)
		}
	}
	return slices.Sorted(maps.Keys(others))
}

func addTopics(topics map[string]bool, p part) {
	for _, topic := range p.topics {
		topics[topic] = true
	}
}

// warnOfStrangers tells of them, once.
func (b *balancer) warnOfStrangers(members []memberData, own []part) {
	pattern := slices.ContainsFunc(own, func(p part) bool { return p.pattern })
	topics := strangers(members, own)
	if pattern || len(topics) == 0 || b.met.Swap(true) {
		return
	}
	b.log.Warn("members of the group read none of the topics of this one: if they are another application, it needs an "+
		"id of its own, as it has the same internal topics wherever a store or a repartition topic has the same name",
		"topics", topics)
}
