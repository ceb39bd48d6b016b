package graph

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// longestName is Kafka's limit for names of topics (org.apache.kafka.common.internals.Topic). longestApp leaves room
// for what is put behind an application id in the ids of members and transactions.
const (
	longestName = 249
	longestApp  = 200
)

var legalName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// checkName applies Kafka's rule for topic names.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is needed: it outlives the process and is never made up")
	case !legalName.MatchString(name) || name == "." || name == "..":
		return fmt.Errorf("name %q may only have letters, digits and . _ -", name)
	case len(name) > longestName:
		return fmt.Errorf("name %q is longer than %d characters", name, longestName)
	}
	return nil
}

// CheckTopic is what is wrong with the name of a topic that a setting gives.
func CheckTopic(name string) error { return checkName(name) }

func checkApp(app string) error {
	if len(app) > longestApp {
		return fmt.Errorf("name %q is longer than %d characters", app, longestApp)
	}
	return checkName(app)
}

// TopicName is the name of a topic in the cluster.
func (t *Topology) TopicName(topic *Topic) string {
	switch {
	case !topic.Repartition:
		return topic.Name
	case topic.FullName:
		return t.app + "-" + topic.Name
	}
	return t.app + "-" + strings.TrimSuffix(topic.Name, "-repartition") + "-repartition"
}

// ChangelogName is the name of a store's changelog topic.
func (t *Topology) ChangelogName(store string) string { return t.app + "-" + store + "-changelog" }

// internal is true for the names that the application's internal topics have, or may have had in an earlier version.
func (t *Topology) internal(name string) bool {
	if !strings.HasPrefix(name, t.app+"-") {
		return false
	}
	return strings.HasSuffix(name, "-changelog") || strings.HasSuffix(name, "-repartition") || t.IsRepartition(name)
}

// Leftovers are those of the names that internal topics of the application have or had, and that belong to nothing in
// the topology: its stores and steps were removed, or renamed. They are sorted.
func (t *Topology) Leftovers(names []string) (out []string) {
	for _, name := range names {
		if t.internal(name) && !t.IsInternal(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// IsInternal is true for the names of the repartition topics and changelogs that the topology has.
func (t *Topology) IsInternal(name string) bool {
	for _, n := range t.names() {
		if n.internal && n.topic == name {
			return true
		}
	}
	return false
}

// named is a topic of the cluster and what the topology takes it for.
type named struct {
	topic    string
	what     string // in words; it tells one use from another
	site     string
	internal bool
}

// names are the topics of the cluster that the topology names, in the order of declaration; one may come twice.
func (t *Topology) names() (out []named) {
	for _, n := range t.graph.nodes {
		switch {
		case n.Topic == nil || n.Topic.Pattern != nil:
		case n.Topic.Repartition:
			out = append(out, named{t.TopicName(n.Topic), fmt.Sprintf("repartition topic %q", n.Topic.Name), n.Site, true})
		default:
			out = append(out, named{n.Topic.Name, fmt.Sprintf("topic %q", n.Topic.Name), n.Site, false})
		}
		for _, s := range n.Stores {
			if !s.Options().NoChangelog && !n.Global {
				what := fmt.Sprintf("changelog of store %q", s.Name())
				out = append(out, named{t.ChangelogName(s.Name()), what, n.Site, true})
			}
		}
	}
	return out
}

// checkNames reports internal topics whose names are too long, and topics that two different things would share. Kafka
// takes names that differ in . and _ only for the same, and does not create the second.
func (t *Topology) checkNames() []error {
	var errs []error
	taken, told := map[string]named{}, map[string]bool{}
	for _, n := range t.names() {
		if n.internal && len(n.topic) > longestName && !told[n.what] {
			told[n.what] = true
			errs = append(errs, fmt.Errorf("%s: the %s would be called %q in the cluster, and Kafka's names have up to %d "+
				"characters, not %d: shorten its name or the application id", n.site, n.what, n.topic, longestName, len(n.topic)))
		}
		id := strings.ReplaceAll(n.topic, ".", "_")
		first, ok := taken[id]
		if !ok {
			taken[id] = n
			continue
		}
		if first.what == n.what || !first.internal && !n.internal || told[first.what+n.what] {
			continue
		}
		told[first.what+n.what] = true
		errs = append(errs, fmt.Errorf("%s: the %s and the %s (%s) would be one topic in the cluster, %s: give one of "+
			"them another name", n.site, n.what, first.what, first.site, n.topic))
	}
	return errs
}
