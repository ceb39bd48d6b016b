package metamorphic

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/millstream-go/millstream/internal/conformance"
)

// steps are the input of the topology's topics.
func (g *generator) steps() (steps []conformance.Step) {
	var topics []string
	wall := g.one(4)
	for _, n := range g.nodes {
		if n.Op == "stream" || n.Op == "table" || n.Op == "globalTable" {
			topics = append(topics, n.Topic)
		}
		wall = wall || n.Time == "wall"
	}
	at := int64(g.IntN(5))
	for range g.IntN(50) + 5 {
		if wall && g.one(5) {
			ms := g.Int64N(15) + 1
			steps = append(steps, conformance.Step{AdvanceMs: &ms})
			continue
		}
		at += g.Int64N(4) + 1
		if g.one(25) {
			at += 40
		}
		p := g.record(at)
		p.Topic = pick(g, topics...)
		steps = append(steps, conformance.Step{Pipe: p})
	}
	return arrange(g.nodes, steps)
}

func (g *generator) record(at int64) *conformance.Piped {
	p := &conformance.Piped{TS: at}
	if g.rules.disorder && g.one(2) {
		p.TS = max(0, at-g.Int64N(pick[int64](g, 5, 25)))
	}
	if key := pick(g, "a", "a", "a", "b", "b", "c", "d", ""); !g.one(12) {
		p.Key = &key
	}
	value := pick(g, "a", "b", "x", "yy", "a x", "x y", "b:x", "a:b c", "c:x", "", "cx")
	if g.rules.disorder && g.one(8) {
		value = strconv.FormatInt(p.TS+g.Int64N(9)-6, 10) + "|" + value
	}
	if !g.one(8) {
		p.Value = &value
	}
	if g.one(6) {
		p.Headers = [][2]string{{"h", value}}
	}
	return p
}

// arrange puts records into the order in which a task takes them that has all partitions before it: of the topics, the
// one whose next record is oldest, ties by name. Records of global tables come first. Records keep their order in their
// topic, the wall clock its places.
func arrange(nodes []conformance.Node, steps []conformance.Step) []conformance.Step {
	source := map[string]conformance.Node{}
	for _, n := range nodes {
		source[n.Topic] = n
	}
	queues := map[string][]conformance.Step{}
	for _, s := range steps {
		if s.Pipe != nil {
			queues[s.Pipe.Topic] = append(queues[s.Pipe.Topic], s)
		}
	}
	head := func(topic string) int64 { return due(queues[topic][0].Pipe, source[topic]) }
	out := slices.Clone(steps)
	for i, s := range steps {
		if s.Pipe == nil {
			continue
		}
		topic := slices.MinFunc(slices.Collect(maps.Keys(queues)), func(a, b string) int {
			return cmp.Or(cmp.Compare(head(a), head(b)), cmp.Compare(a, b))
		})
		out[i] = queues[topic][0]
		if queues[topic] = queues[topic][1:]; len(queues[topic]) == 0 {
			delete(queues, topic)
		}
	}
	return out
}

// due is the time that a source finds in a record; before all others for a global table.
func due(p *conformance.Piped, source conformance.Node) int64 {
	if source.Op == "globalTable" {
		return math.MinInt64
	}
	if source.Timestamp == "value" && p.Value != nil {
		if text, _, ok := strings.Cut(*p.Value, "|"); ok {
			if at, err := strconv.ParseInt(text, 10, 64); err == nil {
				return at
			}
		}
	}
	return p.TS
}
