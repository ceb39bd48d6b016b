package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/graph"
)

// Right is something that the application's user may do.
type Right struct {
	Operation string // as in kafka-acls --operation
	Resource  string // topic, group, transactional-id or cluster
	Name      string // of the resource; * stands for all of them
	Prefixed  bool   // it is the beginning of their names
}

// String is what kafka-acls --add --allow-principal User:... takes to grant the right.
func (r Right) String() string {
	switch {
	case r.Resource == "cluster":
		return fmt.Sprintf("--operation %s --cluster", r.Operation)
	case r.Prefixed:
		return fmt.Sprintf("--operation %s --%s '%s' --resource-pattern-type prefixed", r.Operation, r.Resource, r.Name)
	}
	return fmt.Sprintf("--operation %s --%s '%s'", r.Operation, r.Resource, r.Name)
}

// Rights are those that an application needs, and no more: a broker gives the right to describe with those to read and
// to write.
func Rights(s Setup) (out []Right) {
	t := s.Topology
	topic := func(name string, operations ...string) {
		for _, o := range operations {
			out = append(out, Right{Operation: o, Resource: "topic", Name: name})
		}
	}
	sources, sinks := t.ExternalTopics()
	for _, name := range sources {
		topic(name, "Read")
	}
	for _, name := range append(sinks, s.DeadLetterTopic) {
		if name != "" {
			topic(name, "Write")
		}
	}
	out = append(out, patternRights(t)...)
	for _, internal := range internalTopics(s) {
		topic(internal.name, "Create", "DescribeConfigs", "Read", "Write")
		if !internal.changelog {
			topic(internal.name, "Delete")
		}
	}
	out = append(out, Right{Operation: "Read", Resource: "group", Name: t.App()})
	if s.ExactlyOnce {
		out = append(out, Right{Operation: "Write", Resource: "transactional-id", Name: t.App() + "-", Prefixed: true})
	}
	return out
}

// patternRights are those for topics of which only a pattern is known.
func patternRights(t *graph.Topology) (out []Right) {
	add := func(operation string, nodes []*graph.Node) {
		for _, n := range nodes {
			if n.Topic.Pattern == nil {
				continue
			}
			r := Right{Operation: operation, Resource: "topic", Name: "*"}
			if prefix, _ := n.Topic.Pattern.LiteralPrefix(); prefix != "" {
				r.Name, r.Prefixed = prefix, true
			}
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	for _, sub := range t.Subs() {
		add("Read", sub.Sources)
		add("Write", sub.Sinks)
	}
	return out
}

// checkRights finds rights to topics that are missing (KIP-430): what is not needed at once would be missed later. One
// to delete is warned of only: without it repartition topics grow, and nothing else is wrong.
func (c *Cluster) checkRights(ctx context.Context) error {
	var names []string
	wanted := slices.DeleteFunc(Rights(c.setup), func(r Right) bool {
		return r.Resource != "topic" || r.Operation == "Create" || r.Prefixed || r.Name == "*"
	})
	for _, r := range wanted {
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return nil // no names would mean all topics
	}
	topics, err := c.admin.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		return fmt.Errorf("rights to topics: %w", err)
	}
	for _, r := range wanted {
		may := topics[r.Name].AuthorizedOperations
		operation, _ := kmsg.ParseACLOperation(r.Operation)
		if len(may) == 0 || slices.Contains(may, operation) {
			continue // none at all: the broker does not tell, or the topic is not there yet
		}
		missing := NameRight(r.Operation, r.Resource, r.Name, kerr.TopicAuthorizationFailed)
		if operation != kmsg.ACLOperationDelete {
			return missing
		}
		c.warnUnpurged(missing)
	}
	return nil
}

// warnUnpurged tells once that what was processed stays in repartition topics.
func (c *Cluster) warnUnpurged(err error) {
	c.unpurged.Do(func() {
		c.setup.Logger.Warn("repartition topics grow without end, as what was processed may not be deleted", "error", err)
	})
}

// RightsError means that Kafka does not let the application do something: somebody has to grant the right.
type RightsError struct {
	Operation string // as in kafka-acls --operation
	Resource  string // topic, group, transactional-id or cluster
	Name      string // of the resource
	Prefixed  bool   // it is the beginning of the names of several
	Err       error
}

func (e *RightsError) Error() string {
	r := Right{e.Operation, e.Resource, e.Name, e.Prefixed}
	return fmt.Sprintf("the application's user has no right to %s %s %s: grant it, as with kafka-acls --add "+
		"--allow-principal User:... %v: %v", e.Operation, e.Resource, e.Name, r, e.Err)
}

func (e *RightsError) Unwrap() error { return e.Err }

// NameRight is an error that says which right is missing, if that is what it tells; else err as it is.
func NameRight(operation, resource, name string, err error) error {
	var known *RightsError
	if !isRights(err) || errors.As(err, &known) {
		return err
	}
	return &RightsError{Operation: operation, Resource: resource, Name: name, Err: err}
}

func isRights(err error) bool {
	return IsAny(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.ClusterAuthorizationFailed)
}

// NameAppRight names the right that an application lacks where the answer itself tells of what: there is one group, and
// the transactional ids begin with the application's id.
func NameAppRight(app string, err error) error {
	var known *RightsError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return NameRight("Read", "group", app, err)
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return &RightsError{Operation: "Write", Resource: "transactional-id", Name: app + "-", Prefixed: true, Err: err}
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return NameRight("IdempotentWrite", "cluster", "kafka-cluster", err)
	}
	return err
}
