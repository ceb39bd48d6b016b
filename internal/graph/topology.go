package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/storage"
)

// Topology is a compiled graph: its sub-topologies, stores and topics. It is immutable and describes only; a task links
// it to run.
type Topology struct {
	app    string
	subs   []*Sub
	global *Sub

	graph        *Graph
	copartitions []Copartition     // of the graph, and those that follow from shared stores
	expanded     map[*Node][]*Node // the sources of the topics that each pattern stands for; nil before Expand
}

// App is the application id: group id, and prefix of the internal topics.
func (t *Topology) App() string { return t.app }

// Subs are the sub-topologies, in the order of their ids.
func (t *Topology) Subs() []*Sub { return t.subs }

// Global is the part that each instance runs for itself, over all partitions: the global tables. Nil without any.
func (t *Topology) Global() *Sub { return t.global }

// Sub is a sub-topology: nodes that are connected by calls or by shared stores, and therefore run in one task. Between
// sub-topologies records travel through topics only.
type Sub struct {
	ID      int
	Nodes   []*Node
	Sources []*Node
	Sinks   []*Node
	Stores  []storage.Spec
}

// WindowsIn are the windows whose rows a store holds, see windows.Defined; empty if a step of the user's keeps it.
func (s *Sub) WindowsIn(store string) (text string, grace time.Duration) {
	for _, n := range s.Nodes {
		if n.Windows != "" && slices.ContainsFunc(n.Stores, func(s storage.Spec) bool { return s.Name() == store }) {
			return n.Windows, n.Grace
		}
	}
	return "", 0
}

// Compile checks a graph and splits it into sub-topologies. All mistakes are reported together, each with the line of
// user code that made it. When a graph has been compiled without one it takes no more steps: one that is added is a
// mistake, which the next Compile reports, and changes no topology.
func Compile(g *Graph, app string) (*Topology, error) {
	t := &Topology{app: app, graph: g}
	errs := slices.Clone(g.errs)
	if err := checkApp(app); err != nil {
		errs = append(errs, fmt.Errorf("application id: %w", err))
	}
	if len(g.sources) == 0 {
		errs = append(errs, errors.New("topology: no source: start with streams.From or streams.TableFrom"))
	}
	if !g.built { // what is built may be read, and compiled under other names, by several goroutines
		g.lookUpGlobals()
	}
	t.subs, t.global = split(g)
	t.copartitions = append(g.copartitions[:len(g.copartitions):len(g.copartitions)], g.meetings()...)
	errs = append(errs, t.checkStores()...)
	errs = append(errs, t.checkTopics()...)
	errs = append(errs, t.checkNames()...)
	errs = append(errs, t.checkPatterns()...)
	errs = append(errs, t.checkCircles()...)
	errs = append(errs, t.checkMetadata()...)
	errs = append(errs, t.checkSplits()...)
	if !g.built {
		errs = append(errs, g.check()...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !g.built {
		g.built = true
	}
	return t, nil
}

// WithApp is the same topology under another application id.
func (t *Topology) WithApp(app string) (*Topology, error) {
	if t.graph == nil {
		return nil, errors.New("topology: it is empty: use what streams.Builder.Build returned")
	}
	return Compile(t.graph, app)
}

// GlobalSub is the ID of Topology.Global.
const GlobalSub = -1

// lookUpGlobals finds the stores of global tables among those that other steps name: these may only read them.
func (g *Graph) lookUpGlobals() {
	global := map[string]bool{}
	for _, n := range g.nodes {
		for _, s := range n.Stores {
			global[s.Name()] = global[s.Name()] || n.Global
		}
	}
	for _, n := range g.nodes {
		if n.Global {
			continue
		}
		var own []storage.Spec
		for _, s := range n.Stores {
			if global[s.Name()] {
				n.Lookups = append(n.Lookups, s)
			} else {
				own = append(own, s)
			}
		}
		n.Stores = own
	}
}

// split finds the connected components. Ids follow the order of declaration.
func split(g *Graph) (subs []*Sub, global *Sub) {
	owner := map[*Node]*Node{}
	var find func(n *Node) *Node
	find = func(n *Node) *Node {
		if p, ok := owner[n]; ok && p != n {
			owner[n] = find(p)
			return owner[n]
		}
		return n
	}
	byStore := map[string]*Node{}
	for _, n := range g.nodes {
		for _, p := range n.Parents {
			owner[find(n)] = find(p)
		}
		for _, s := range n.Stores {
			if other, ok := byStore[s.Name()]; ok {
				if a, b := find(n), find(other); a != b {
					owner[a] = b
				}
			}
			byStore[s.Name()] = n
		}
	}
	index := map[*Node]*Sub{}
	for _, n := range g.nodes {
		if n.Global {
			if global == nil {
				global = &Sub{ID: GlobalSub}
			}
			global.add(n)
			continue
		}
		root := find(n)
		sub := index[root]
		if sub == nil {
			sub = &Sub{ID: len(subs)}
			index[root] = sub
			subs = append(subs, sub)
		}
		sub.add(n)
	}
	return subs, global
}

// All are the sub-topologies and, last, the global part.
func (t *Topology) All() []*Sub {
	if t.global == nil {
		return t.subs
	}
	return append(t.subs[:len(t.subs):len(t.subs)], t.global)
}

// Sub is the sub-topology of a task.
func (t *Topology) Sub(id int) *Sub {
	if id == GlobalSub {
		return t.global
	}
	return t.subs[id]
}

func (s *Sub) add(n *Node) {
	s.Nodes = append(s.Nodes, n)
	switch n.Kind {
	case SourceNode:
		s.Sources = append(s.Sources, n)
	case SinkNode:
		s.Sinks = append(s.Sinks, n)
	}
	for _, spec := range n.Stores {
		i := slices.IndexFunc(s.Stores, func(o storage.Spec) bool { return o.Name() == spec.Name() })
		switch {
		case i < 0:
			s.Stores = append(s.Stores, spec)
		case needsMore(spec.Options(), s.Stores[i].Options()):
			s.Stores[i] = spec
		}
	}
}

// needsMore is true if a step declares more of a store than another: what one needs, no other may cut short.
func needsMore(a, b storage.Options) bool {
	return a.Retention > b.Retention || a.ByKey && !b.ByKey || a.TTL > b.TTL
}

// checkStores reports names that are missing, illegal or used for two different stores, and specs that are wrong in
// themselves.
func (t *Topology) checkStores() []error {
	var errs []error
	first := map[string]storage.Spec{}
	site := map[string]string{}
	reported := map[string]bool{}
	for _, n := range t.graph.nodes {
		for _, s := range n.Stores {
			name := s.Name()
			other, ok := first[name]
			if !ok {
				first[name], site[name] = s, n.Site
			} else if a, b := declaration(other), declaration(s); a != b && !reported[name] {
				reported[name] = true
				errs = append(errs, fmt.Errorf("%s: store %q is declared twice, as %s and, at %s, as %s: give one of them "+
					"another name", n.Site, name, b, site[name], a))
			}
		}
	}
	errs = append(errs, t.checkStoreTypes(first, site, reported)...)
	for _, sub := range t.All() {
		for _, s := range sub.Stores {
			for _, err := range each(errors.Join(checkName(s.Name()), s.Err())) {
				errs = append(errs, fmt.Errorf("%s: store %q: %w", site[s.Name()], s.Name(), err))
			}
		}
	}
	return errs
}

// checkStoreTypes reports steps that name a store with other types than it is kept with, one of a global table, which
// they read, included: they would not find their handle.
func (t *Topology) checkStoreTypes(
	first map[string]storage.Spec, site map[string]string, told map[string]bool,
) (errs []error) {
	for _, n := range t.graph.nodes {
		for _, s := range slices.Concat(n.Stores, n.Lookups) {
			kept, name := first[s.Name()], s.Name()
			if kept == nil || told[name] {
				continue
			}
			if a, b := storage.Described(kept), storage.Described(s); a != b {
				told[name] = true
				errs = append(errs, fmt.Errorf("%s: store %q is declared twice, as %s and, at %s, as %s: declare it once and use "+
					"that value", n.Site, name, b, site[name], a))
			}
		}
	}
	return errs
}

// each are the errors that were joined, so that each of them says where it comes from.
func each(err error) (out []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	for _, err := range joined.Unwrap() {
		out = append(out, each(err)...)
	}
	return out
}

// declaration is what the declarations of one store must agree in. Retention is not part of it: the longest holds.
func declaration(s storage.Spec) string {
	text := s.Format()
	if s.Options().InMemory {
		text += " in memory"
	}
	if s.Options().NoChangelog {
		text += " without changelog"
	}
	return text
}

func (t *Topology) checkTopics() []error {
	var errs []error
	seen := map[string]*Topic{}
	for _, n := range t.graph.nodes {
		if n.Topic == nil {
			continue
		}
		id := n.Topic.id()
		other, ok := seen[id]
		if err := checkName(n.Topic.Name); err != nil && n.Topic.Pattern == nil && !ok {
			errs = append(errs, fmt.Errorf("%s: topic %q: %w", n.Site, n.Topic.Name, err))
		}
		if n.Topic.Partitions < 0 && n.Kind == SourceNode {
			errs = append(errs, fmt.Errorf("%s: topic %q has %d partitions: must be 1 or more, or 0 for as many as its "+
				"largest source has", n.Site, n.Topic.Name, n.Topic.Partitions))
		}
		if ok && (other.Key != n.Topic.Key || other.Value != n.Topic.Value) {
			errs = append(errs, fmt.Errorf("%s: topic %q is declared twice, with %s/%s and with %s/%s: declare it once and "+
				"use that value", n.Site, n.Topic.Name, other.Key, other.Value, n.Topic.Key, n.Topic.Value))
		}
		seen[id] = n.Topic
	}
	return errs
}

// metadataLimit is the broker's default of offset.metadata.max.bytes.
const metadataLimit = 4096

// checkMetadata makes sure that the stream times of a task's stores fit in the metadata of a committed offset.
func (t *Topology) checkMetadata() []error {
	var errs []error
	for _, sub := range t.subs {
		// See package task, also for the second time of stores with windows.
		times := map[string]int64{"": 0, "millstream": 0, "millstream-rescaled": 0}
		for _, s := range sub.Stores {
			times[s.Name()] = 0
			if k := s.Kind(); k == storage.KindWindow || k == storage.KindSession {
				times["millstream:"+s.Name()] = 0
			}
		}
		if n := len((Metadata{Times: times}).Encode()); n > metadataLimit {
			errs = append(errs, fmt.Errorf("topology: the names of sub-topology %d's stores need %d bytes of offset metadata, "+
				"brokers allow %d: shorten the names", sub.ID, n, metadataLimit))
		}
	}
	return errs
}

// AnyOf is in front of the text of a pattern, where it stands for topics.
const AnyOf = "any of "

// Label is what descriptions call a topic, or the topics of a pattern.
func (t *Topology) Label(topic *Topic) string {
	if topic.Pattern != nil {
		return AnyOf + topic.Name
	}
	return t.TopicName(topic)
}

// SubOf is the sub-topology that reads a topic, nil if none does.
func (t *Topology) SubOf(topicName string) *Sub {
	for _, s := range t.subs {
		if slices.Contains(t.Inputs(s), topicName) {
			return s
		}
	}
	return nil
}

// Inputs are the names of the topics a sub-topology reads, sorted.
func (t *Topology) Inputs(s *Sub) []string {
	var names []string
	for _, n := range s.Sources {
		names = append(names, t.TopicName(n.Topic))
	}
	slices.Sort(names)
	return names
}

// SourceTopics are the names of all topics the application reads, internal ones included, sorted.
func (t *Topology) SourceTopics() []string {
	var names []string
	for _, s := range t.subs {
		names = append(names, t.Inputs(s)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ExternalTopics are the topics that must exist before the application starts: sources and sinks that are not internal,
// sorted.
func (t *Topology) ExternalTopics() (sources, sinks []string) {
	for _, s := range t.All() {
		for _, n := range s.Sources {
			if !n.Topic.Repartition && n.Topic.Pattern == nil {
				sources = append(sources, n.Topic.Name)
			}
		}
		for _, n := range s.Sinks {
			if !n.Topic.Repartition && n.Topic.Pattern == nil {
				sinks = append(sinks, n.Topic.Name)
			}
		}
	}
	slices.SortFunc(sources, cmp.Compare)
	slices.SortFunc(sinks, cmp.Compare)
	return slices.Compact(sources), slices.Compact(sinks)
}

// GlobalTopics are the names of the topics of global tables, sorted.
func (t *Topology) GlobalTopics() []string {
	if t.global == nil {
		return nil
	}
	return slices.Compact(t.Inputs(t.global))
}

// IsRepartition is true for the names of repartition topics.
func (t *Topology) IsRepartition(topicName string) bool {
	n := t.Source(topicName)
	return n != nil && n.Topic.Repartition
}

// ResetOf is where a source topic is read from when its group has no committed offset, and with Past, how far back.
func (t *Topology) ResetOf(topicName string) (Reset, time.Duration) {
	if n := t.Source(topicName); n != nil {
		return n.Topic.Reset, n.Topic.Past
	}
	return Earliest, 0
}

// Keyed are the topics of other applications whose records meet state by their partition: each must be where its key
// belongs. With each topic comes the number of bytes at the end of its keys that take no part in partitioning.
func (t *Topology) Keyed() map[string]int {
	suffixes := map[string]int{}
	for _, s := range t.subs {
		for _, n := range s.Sources {
			if !n.Topic.Repartition && len(s.Stores) > 0 {
				suffixes[n.Topic.Name] = n.suffix
			}
		}
	}
	return suffixes
}

// Source is the source of a topic, nil if there is none.
func (t *Topology) Source(topicName string) *Node {
	for _, s := range t.subs {
		for _, n := range s.Sources {
			if t.TopicName(n.Topic) == topicName {
				return n
			}
		}
	}
	return nil
}
