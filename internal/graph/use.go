package graph

import "github.com/millstream-go/millstream/serde"

// Used are serdes of a topology that are used for one thing.
type Used struct {
	Use    serde.Use
	Serdes []any
}

// Uses are what the topology uses its serdes for, in the order of declaration: for serde.Start. One may come twice.
func (t *Topology) Uses() (out []Used) {
	for _, sub := range t.All() {
		for _, n := range sub.Nodes {
			if n.Topic != nil {
				out = append(out, t.usesOf(n)...)
			}
		}
		for _, s := range sub.Stores {
			use := serde.Use{Topic: t.ChangelogName(s.Name()), Write: true}
			out = append(out, used(use, true, s.Options().Keys), used(use, false, s.Options().Values...))
		}
	}
	return out
}

// usesOf are those of a source or sink.
func (t *Topology) usesOf(n *Node) []Used {
	use := serde.Use{Topic: t.TopicName(n.Topic), Pattern: n.Topic.Pattern != nil, Write: n.Kind == SinkNode}
	return []Used{
		used(use, true, n.Topic.Keys), used(use, false, n.Topic.Values), used(use, false, n.Topic.Within...),
	}
}

func used(use serde.Use, key bool, serdes ...any) Used {
	use.Key = key
	return Used{use, serdes}
}
