package graph

import (
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/serde"
)

// Declaration is that of a topic, as somebody makes it who reads or writes the topic beside the topology.
type Declaration struct {
	Key, Value any // serdes
	types      types
}

// DeclarationOf is one with its types.
//
//go:noinline
func DeclarationOf[K, V any](key serde.Serde[K], value serde.Serde[V]) Declaration {
	return Declaration{key, value, typesOf[K, V]()}
}

// CheckDeclared is an error for a declaration of a topic that differs from the topology's own: in its serdes, or in the
// Go types that they are for. Bytes differ from nothing: who asks for them is shown what there is.
func (t *Topology) CheckDeclared(topic string, d Declaration) error {
	var first *Node
	for _, n := range t.declaring(topic) {
		own := n.declaration()
		if alike(own.Key, d.Key, own.types.key, d.types.key) && alike(own.Value, d.Value, own.types.value, d.types.value) {
			return nil
		}
		if first == nil {
			first = n
		}
	}
	if first == nil {
		return nil // it is one of those that topologies do not declare
	}
	return fmt.Errorf("topic %q is declared with %v at %s, and asked for with %v: use the value that the topology was "+
		"built with, or serde.Bytes to see the bytes", topic, first.declaration(), first.Site, d)
}

// declaring are the sources and sinks that name a topic; if none does, those whose patterns match it.
func (t *Topology) declaring(topic string) (named []*Node) {
	var matching []*Node
	for _, n := range t.graph.nodes {
		switch {
		case n.Topic == nil:
		case n.Topic.Pattern != nil:
			if n.Topic.Pattern.MatchString(topic) && !t.internal(topic) {
				matching = append(matching, n)
			}
		case t.TopicName(n.Topic) == topic:
			named = append(named, n)
		}
	}
	if named == nil {
		return matching
	}
	return named
}

// declaration is that of the topic of a source or sink.
func (n *Node) declaration() Declaration {
	d := Declaration{n.Topic.Keys, n.Topic.Values, n.gives}
	if n.Kind == SinkNode {
		d.types = n.takes
	}
	return d
}

// String is the formats with the Go types, where these say more.
func (d Declaration) String() string {
	return fmt.Sprintf("keys %s and values %s", described(d.Key, d.types.key), described(d.Value, d.types.value))
}

func described(s any, t Type) string {
	format := serde.FormatOf(s)
	if t == (Type{}) || format == t.String() {
		return format
	}
	return fmt.Sprintf("%s (%v)", format, t)
}

var bytesType = TypeOf[[]byte]()

// alike is true for two serdes of one format and type. Where records tell their schema, types may be two versions.
func alike(a, b any, ofA, ofB Type) bool {
	switch {
	case a == nil || b == nil:
		return false
	case ofA == bytesType || ofB == bytesType:
		return true
	}
	return serde.FormatOf(a) == serde.FormatOf(b) && (ofA == (Type{}) || ofB == (Type{}) || ofA == ofB || evolves(a))
}

// evolves is true for a serde whose records tell their schema, so that another version of the type reads them.
func evolves(s any) bool {
	if _, ok := s.(serde.Starter); ok {
		return true
	}
	whole, ok := s.(interface{ Parts() []any })
	return ok && slices.ContainsFunc(whole.Parts(), evolves)
}
