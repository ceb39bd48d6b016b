package topology

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// AddSink adds a node that writes a stream to a topic.
func AddSink[K, V any](g *Graph, t *Topic, site string, parent *Node, key serde.Serde[K], value serde.Serde[V]) *Node {
	return AddRoutedSink(g, t, site, parent, key, value, nil)
}

// AddRoutedSink is AddSink with a function that says to which partition a record goes, or ByKey; a nil one means ByKey.
func AddRoutedSink[K, V any](
	g *Graph, t *Topic, site string, parent *Node, key serde.Serde[K], value serde.Serde[V],
	route func(Record[K, V]) int32,
) *Node {
	n := &Node{Kind: SinkNode, Topic: t, Parents: []*Node{parent}, Site: site}
	n.link = func(in *Instance, _ []any) (any, error) {
		s := &sink[K, V]{in: in, topic: in.Topology.TopicName(t), key: key, value: value, suffix: hashSuffix(key), route: route}
		return func(r Record[K, V]) error {
			caller := in.node
			in.node = n
			if err := s.send(r); err != nil {
				return err
			}
			in.node = caller
			return nil
		}, nil
	}
	return g.add(n, "sink")
}

// hashSuffix asks a key's serde how many of its last bytes do not take part in partitioning.
func hashSuffix(key any) int {
	if w, ok := key.(interface{ HashSuffix() int }); ok {
		return w.HashSuffix()
	}
	return 0
}

type sink[K, V any] struct {
	in     *Instance
	topic  string
	key    serde.Serde[K]
	value  serde.Serde[V]
	suffix int
	route  func(Record[K, V]) int32
}

func (s *sink[K, V]) send(r Record[K, V]) error {
	out := Output{
		Topic: s.topic, Partition: ByKey, HashSuffix: s.suffix, Headers: r.Headers, Timestamp: r.Timestamp,
	}
	if s.route != nil {
		out.Partition = s.route(r)
	}
	box := s.in.outbox
	if !r.NullKey {
		b, err := s.key.Append(box.Room(), r.Key)
		if err != nil {
			return fmt.Errorf("key for topic %s: %w", s.topic, err)
		}
		out.Key = box.Keep(b)
	}
	if !r.NullValue {
		b, err := s.value.Append(box.Room(), r.Value)
		if err != nil {
			return fmt.Errorf("value for topic %s: %w", s.topic, err)
		}
		out.Value = box.Keep(b)
	}
	box.Add(out)
	return nil
}
