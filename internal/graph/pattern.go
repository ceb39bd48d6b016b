package graph

import (
	"errors"
	"fmt"
	"slices"
)

// AmbiguousTopicError says that a topic is matched by two patterns, or by a pattern and the name of another source. A
// topic has one source: narrow one of the patterns.
type AmbiguousTopicError struct {
	Topic         string
	First, Second string // what reads it, each with the file:line of its call
}

func (e *AmbiguousTopicError) Error() string {
	return fmt.Sprintf("topology: topic %s is read by %s and by %s: narrow a pattern, as a topic has one source",
		e.Topic, e.First, e.Second)
}

// HasPatterns is true if a source reads topics by pattern. The topology runs only when Expand has put topics in their
// place.
func (t *Topology) HasPatterns() bool { return len(t.patterns()) > 0 }

func (t *Topology) patterns() (nodes []*Node) {
	for _, n := range t.graph.nodes {
		if n.Kind == SourceNode && n.Topic.Pattern != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Matching are those of the names that sources read by pattern, sorted. The internal topics of the application are not
// among them.
func (t *Topology) Matching(names []string) []string {
	var out []string
	patterns := t.patterns()
	for _, name := range names {
		matches := func(n *Node) bool { return n.Topic.Pattern.MatchString(name) }
		if slices.ContainsFunc(patterns, matches) && !t.internal(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Expand is the topology with topics in place of patterns: each source by pattern becomes one source for each of the
// names that it matches. t is the topology as Compile made it, and stays as it is. The error joins an
// AmbiguousTopicError for each name that is matched twice.
func (t *Topology) Expand(names []string) (*Topology, error) {
	out := &Topology{
		app: t.app, global: t.global, graph: t.graph, copartitions: t.copartitions, expanded: map[*Node][]*Node{},
	}
	names = t.Matching(names)
	reader := map[string]*Node{}
	var errs []error
	for _, s := range t.subs {
		sub := *s
		sub.Sources = nil
		for _, n := range s.Sources {
			if n.Topic.Pattern == nil {
				sub.Sources = append(sub.Sources, n)
				continue
			}
			for _, name := range names {
				if !n.Topic.Pattern.MatchString(name) {
					continue
				}
				if first := reader[name]; first != nil {
					errs = append(errs, &AmbiguousTopicError{Topic: name, First: first.reads(), Second: n.reads()})
				}
				reader[name] = n
				out.expanded[n] = append(out.expanded[n], n.of(name))
			}
			sub.Sources = append(sub.Sources, out.expanded[n]...)
		}
		out.subs = append(out.subs, &sub)
	}
	return out, errors.Join(errs...)
}

// of is a source by pattern for one of its topics. It has the children of the pattern's node, which alone is one of
// their parents.
func (n *Node) of(name string) *Node {
	source, topic := *n, *n.Topic
	topic.Name, topic.Pattern = name, nil
	source.Topic = &topic
	return &source
}

// reads says what a source is, for messages.
func (n *Node) reads() string {
	if n.Topic.Pattern != nil {
		return fmt.Sprintf("pattern %s (%s)", n.Topic.Name, n.Site)
	}
	return fmt.Sprintf("name (%s)", n.Site)
}

// ReadBy says what reads a topic of the cluster, by name or by pattern, with file:line; empty if nothing does.
func (t *Topology) ReadBy(name string) string {
	for _, n := range t.graph.nodes {
		switch {
		case n.Kind != SourceNode:
		case n.Topic.Pattern != nil && n.Topic.Pattern.MatchString(name) && !t.internal(name),
			n.Topic.Pattern == nil && t.TopicName(n.Topic) == name:
			return n.reads()
		}
	}
	return ""
}

// topics are the names of the topics that a source reads.
func (t *Topology) topics(n *Node) []string {
	if n.Topic.Pattern == nil {
		return []string{t.TopicName(n.Topic)}
	}
	var names []string
	for _, source := range t.expanded[n] {
		names = append(names, source.Topic.Name)
	}
	return names
}

// checkPatterns reports topics that are read both by name and by a pattern.
func (t *Topology) checkPatterns() []error {
	var errs []error
	for _, p := range t.patterns() {
		for _, n := range t.graph.nodes {
			named := n.Kind == SourceNode && n.Topic.Pattern == nil && !n.Topic.Repartition
			if named && p.Topic.Pattern.MatchString(n.Topic.Name) {
				errs = append(errs, &AmbiguousTopicError{Topic: n.Topic.Name, First: n.reads(), Second: p.reads()})
			}
		}
	}
	return errs
}
