package testkit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/spelling"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/streams"
)

var errClosed = errors.New("testkit: the driver is closed: use it before Close")

// usable is true if the driver can do something. Who asks a closed driver for something has made a mistake.
func (d *Driver) usable() bool {
	d.helper()
	if d.closed && d.err == nil {
		d.fail(errClosed)
	}
	return d.err == nil
}

// subs are the parts of the topology, global tables included.
func (d *Driver) subs() []*graph.Sub {
	if d.topo.Global() == nil {
		return d.topo.Subs()
	}
	return append(slices.Clone(d.topo.Subs()), d.topo.Global())
}

// read are the topics that the topology reads.
func (d *Driver) read() []string { return slices.Concat(d.sources, d.globals) }

// written are the topics that the topology writes, those of dead letters and changelogs included.
func (d *Driver) written() (names []string) {
	for _, sub := range d.topo.Subs() {
		for _, n := range sub.Sinks {
			if n.Topic.Pattern == nil {
				names = append(names, d.topo.TopicName(n.Topic))
			}
		}
		names = append(names, d.changelogs(sub)...)
	}
	if d.options.deadLetterTopic != "" {
		names = append(names, d.options.deadLetterTopic)
	}
	return names
}

func (d *Driver) changelogs(sub *graph.Sub) (names []string) {
	for _, s := range sub.Stores {
		if !s.Options().NoChangelog {
			names = append(names, d.topo.ChangelogName(s.Name()))
		}
	}
	return names
}

// patternSink is true if the topology may write a topic because its name matches a pattern.
func (d *Driver) patternSink(name string) bool {
	return d.anyPattern(func(n *graph.Node) bool { return n.Topic.Pattern.MatchString(name) })
}

// anyPattern is true if one of the sinks that choose a topic for each record meets a condition.
func (d *Driver) anyPattern(meets func(n *graph.Node) bool) bool {
	for _, sub := range d.topo.Subs() {
		for _, n := range sub.Sinks {
			if n.Topic.Pattern != nil && meets(n) {
				return true
			}
		}
	}
	return false
}

// namedApart is true for topics that nothing but PartitionsOf knows: where topics are chosen by pattern, a test may
// want to see that one is passed over.
func (d *Driver) namedApart(name string) bool {
	_, named := d.options.byTopic[name]
	return named && d.choosesByPattern()
}

func (d *Driver) choosesByPattern() bool {
	return d.base.HasPatterns() || d.anyPattern(func(*graph.Node) bool { return true })
}

// checkPartitionsOf wants the topics that the options name to be those that a test may choose the size of.
func (d *Driver) checkPartitionsOf() error {
	sources, sinks := d.base.ExternalTopics()
	known := slices.Concat(sources, sinks)
	if d.options.deadLetterTopic != "" {
		known = append(known, d.options.deadLetterTopic)
	}
	var errs []error
	for name := range d.options.byTopic {
		if _, internal := d.internal[name]; internal {
			errs = append(errs, fmt.Errorf("testkit: PartitionsOf(%q): the topic is internal: its number of partitions "+
				"follows from the topology", name))
		} else if !slices.Contains(known, name) && !d.choosesByPattern() {
			errs = append(errs, d.unknown("does not have topic", name, "has", known))
		}
	}
	return errors.Join(errs...)
}

// checkDeadLetter wants a topic from which dead letters do not come back, as streams.New does.
func (d *Driver) checkDeadLetter() error {
	name := d.options.deadLetterTopic
	if by := d.base.ReadBy(name); name != "" && by != "" {
		return fmt.Errorf("testkit: DeadLetter(%q): the topic is read by %s: a bad record would come back for ever", name, by)
	}
	if d.base.IsInternal(name) {
		return fmt.Errorf("testkit: DeadLetter(%q): the topic is internal", name)
	}
	if err := graph.CheckTopic(name); name != "" && err != nil {
		return fmt.Errorf("testkit: DeadLetter: %w", err)
	}
	return nil
}

// readable is true if the driver is not closed. After a failure what there is can still be looked at.
func (d *Driver) readable() bool {
	d.helper()
	return !d.closed || d.usable()
}

// checkDeclared wants a topic's declaration to be that of the topology.
func checkDeclared[K, V any](d *Driver, topic streams.Topic[K, V]) error {
	if err := d.base.CheckDeclared(topic.Name(), graph.DeclarationOf(topic.Key(), topic.Value())); err != nil {
		return fmt.Errorf("testkit: %w", err)
	}
	return nil
}

func (d *Driver) checkInput(name string) error {
	if d.partitionsOf(name) == 0 {
		return fmt.Errorf("testkit: topic %q does not exist: PartitionsOf gives it no partition", name)
	}
	if slices.Contains(d.read(), name) || len(d.base.Matching([]string{name})) > 0 || d.namedApart(name) {
		return nil
	}
	for _, sub := range d.topo.Subs() {
		if slices.Contains(d.changelogs(sub), name) { // is read after a loss of state
			return nil
		}
	}
	return d.unknown("does not read topic", name, "reads", d.read())
}

func (d *Driver) checkOutput(name string) error {
	if slices.Contains(d.written(), name) || d.patternSink(name) {
		return nil
	}
	return d.unknown("does not write topic", name, "writes", d.written())
}

// checkTopic is nil for topics that the topology reads or writes.
func (d *Driver) checkTopic(name string) error {
	if d.checkInput(name) == nil || d.checkOutput(name) == nil {
		return nil
	}
	return d.unknown("does not have topic", name, "has", slices.Concat(d.read(), d.written()))
}

// checkStore wants a store of the topology as it is declared there.
func (d *Driver) checkStore(spec storage.Spec) error {
	var names []string
	for _, sub := range d.subs() {
		for _, s := range sub.Stores {
			if own, asked := storage.Described(s), storage.Described(spec); s.Name() == spec.Name() && own != asked {
				return fmt.Errorf("testkit: store %q is %s, asked for as %s: use the value that the topology was built with",
					s.Name(), own, asked)
			}
			if s.Name() == spec.Name() {
				return nil
			}
			names = append(names, s.Name())
		}
	}
	return d.unknown("does not have store", spec.Name(), "has", names)
}

// checkPartition wants a partition that the topic has.
func (d *Driver) checkPartition(topic string, p int32) error {
	if n := d.partitionsOf(topic); p < 0 || p >= n {
		return fmt.Errorf("testkit: topic %q has partitions 0 to %d: there is no partition %d", topic, n-1, p)
	}
	return nil
}

// unknown tells of a name that the topology does not have, with the one that may be meant and those that there are.
func (d *Driver) unknown(does, name, has string, names []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "testkit: topology %q %s %q: ", d.topo.App(), does, name)
	slices.Sort(names)
	names = slices.Compact(names)
	if close := spelling.Closest(name, names); close != "" {
		fmt.Fprintf(&b, "did you mean %q? ", close)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if len(names) == 0 {
		quoted = []string{"none"}
	}
	fmt.Fprintf(&b, "it %s %s", has, strings.Join(quoted, ", "))
	return errors.New(b.String())
}
