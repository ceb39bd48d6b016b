package graph

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// Route says where the records of a sink go. The zero value means: to the sink's topic, to the partition of the key.
type Route[K, V any] struct {
	// Topic names the topic of a record, one of those that the sink's pattern matches.
	Topic func(Record[K, V]) (string, error)
	// Partition is the partition of a record, or ByKey.
	Partition func(Record[K, V]) int32
	// Partitions does the same for any number of partitions; it comes before Partition.
	Partitions Partitioner[K, V]
}

// Partitioner gives the partitions that a record goes to, each from 0 on and less than the number of partitions of the
// topic; a partition that is named twice gets the record twice. A record with none goes nowhere: that is no error, and
// is not counted. The result is read before the next call.
type Partitioner[K, V any] func(r Record[K, V], partitions int32) []int32

// UnavailableError says that the cluster could not be asked about a topic. It is no fault of the record that goes
// there, which is processed again.
type UnavailableError struct {
	Topic string
	Err   error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("topology: nothing is known of topic %s for now: %v", e.Topic, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// AddSink adds a node that writes a stream to a topic.
func AddSink[K, V any](g *Graph, t *Topic, site string, parent *Node, key serde.Serde[K], value serde.Serde[V]) *Node {
	return AddRoutedSink(g, t, site, parent, key, value, Route[K, V]{})
}

// AddRoutedSink is AddSink for a sink that says where each record goes. A topic with a Pattern needs Route.Topic.
func AddRoutedSink[K, V any](
	g *Graph, t *Topic, site string, parent *Node, key serde.Serde[K], value serde.Serde[V], route Route[K, V],
) *Node {
	return AddCodedSink(g, t, site, parent, CodingOf(key, value), RoutingOf(route))
}

// AddCodedSink is AddRoutedSink without its types.
func AddCodedSink(g *Graph, t *Topic, site string, parent *Node, c Coding, route Routing) *Node {
	n := &Node{Kind: SinkNode, Topic: t, Parents: []*Node{parent}, Site: site, takes: c.types}
	n.link = func(in *Instance, _ []inletFunc) (any, error) {
		s := &sink{
			in: in, declared: t, topic: in.Topology.TopicName(t), matched: map[string]bool{},
			key: c.encodeKey(in), value: c.encodeValue(in), suffix: c.suffix, route: route,
		}
		s.frame = c.framing()
		return in.at(n, s.send), nil
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

type sink struct {
	in       *Instance
	declared *Topic
	topic    string
	matched  map[string]bool // topics that the pattern matched
	key      encode
	value    encode
	suffix   int
	route    Routing
	frame    *framing
}

func (s *sink) send(r *Flow) error {
	topic, err := s.choose(r)
	if err != nil {
		return err
	}
	out := Output{
		Topic: topic, Partition: ByKey, HashSuffix: s.suffix, Headers: r.Headers, Timestamp: r.Timestamp,
		Node: s.in.node,
	}
	if s.route.Partitions != nil {
		return s.spread(out, r)
	}
	if s.route.Partition != nil {
		out.Partition = s.route.Partition(r)
	}
	if err := s.encode(&out, r); err != nil {
		return err
	}
	s.in.outbox.Add(out)
	return nil
}

// spread sends a record to each of the partitions that the partitioner gives; the copies share their bytes.
func (s *sink) spread(out Output, r *Flow) error {
	n, err := s.in.host.Partitions(out.Topic)
	if err != nil {
		return err
	}
	partitions := s.route.Partitions(r, n)
	for _, p := range partitions {
		if p < 0 || p >= n {
			return fmt.Errorf("partitioner chose partition %d of topic %s, which has %d, from 0 on", p, out.Topic, n)
		}
	}
	if len(partitions) == 0 {
		return nil
	}
	if err := s.encode(&out, r); err != nil {
		return err
	}
	for _, out.Partition = range partitions {
		s.in.outbox.Add(out)
	}
	return nil
}

// choose is the topic of a record: one that exists.
func (s *sink) choose(r *Flow) (string, error) {
	if s.route.Topic == nil {
		return s.topic, nil
	}
	topic, err := s.route.Topic(r)
	if err != nil {
		return "", fmt.Errorf("choice of a topic: %w", err)
	}
	if !s.matched[topic] {
		if err := checkName(topic); err != nil {
			return "", fmt.Errorf("choice of a topic: %w", err)
		}
		if !s.declared.Pattern.MatchString(topic) {
			return "", fmt.Errorf("choice of a topic: %q does not match the pattern %s", topic, s.declared.Name)
		}
		if s.in.Topology.IsInternal(topic) {
			return "", fmt.Errorf("choice of a topic: %s is internal, and written by the application itself only", topic)
		}
		s.matched[topic] = true
	}
	_, err = s.in.host.Partitions(topic)
	return topic, err
}

func (s *sink) encode(out *Output, r *Flow) error {
	box := s.in.outbox
	if r.Key != nil {
		b, err := s.key(box.Room(), r.Key)
		if err != nil {
			return fmt.Errorf("key for topic %s: %w", out.Topic, err)
		}
		out.Key = box.Keep(b)
	}
	if r.Value != nil {
		b, err := s.value(box.Room(), r.Value)
		if err != nil {
			return fmt.Errorf("value for topic %s: %w", out.Topic, err)
		}
		out.Value = box.Keep(b)
		if s.frame != nil {
			out.Value = s.frame.split(&out.Headers, out.Value)
		}
	}
	return nil
}
