package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// internalTopic is a topic that the application creates for itself, as it must be.
type internalTopic struct {
	sub        int // that has the store, or reads the repartition topic
	name       string
	partitions int32
	configs    map[string]string
	retention  time.Duration // least retention of a windowed changelog; 0: not limited by time
	changelog  bool
	inputs     []string // of the sub-topology that a changelog belongs to, or of those that write to a repartition topic
	largest    string   // of the inputs
	shrinks    bool     // a larger input may have gone: partitions without a task are left alone
}

// InternalTopicError means that an internal topic is not as the topology needs it. Either restore it, or start anew:
// stop all instances, remove the application's internal topics, its state directories and its group's offsets.
type InternalTopicError struct {
	Topic      string
	Have, Want string
}

func (e *InternalTopicError) Error() string {
	return fmt.Sprintf("internal topic %s has %s, the topology needs %s: mend the topic, or start anew under another "+
		"application id", e.Topic, e.Have, e.Want)
}

// internalTopics are the changelogs and repartition topics of a topology, with the settings of Kafka Streams.
func internalTopics(s Setup) (out []internalTopic) {
	for _, sub := range s.Topology.Subs {
		for _, n := range sub.Sources {
			if n.Topic.Repartition {
				name := s.Topology.TopicName(n.Topic)
				out = append(out, internalTopic{
					sub: sub.ID, name: name, configs: repartitionConfigs(), inputs: append(writers(s.Topology, n.Topic), name),
				})
			}
		}
		for _, spec := range sub.Stores {
			if !spec.Options().NoChangelog {
				t := changelogTopic(s, spec)
				t.sub, t.inputs, t.shrinks = sub.ID, s.Topology.Inputs(sub), s.Topology.HasPatterns()
				out = append(out, t)
			}
		}
	}
	for i := range out {
		out[i].configs["message.timestamp.type"] = "CreateTime"
		maps.Copy(out[i].configs, s.TopicConfigs)
	}
	return out
}

// sizedTopics are the internal topics with their numbers of partitions. Those after patterns that no topic matches yet
// are left out: they have no partitions, and wait.
func sizedTopics(s Setup, counts *topology.Partitions) []internalTopic {
	out := internalTopics(s)
	for i := range out {
		t := &out[i]
		if !t.changelog {
			t.partitions = counts.Topics[t.name]
			continue
		}
		t.partitions = counts.Tasks[t.sub]
		for _, input := range t.inputs {
			if counts.Topics[input] == t.partitions {
				t.largest = input
			}
		}
	}
	return slices.DeleteFunc(out, func(t internalTopic) bool { return t.partitions == 0 })
}

// writers are the inputs of the sub-topologies that write to a topic.
func writers(t *topology.Topology, to *topology.Topic) (inputs []string) {
	for _, sub := range t.Subs {
		if slices.ContainsFunc(sub.Sinks, func(n *topology.Node) bool { return n.Topic == to }) {
			inputs = append(inputs, t.Inputs(sub)...)
		}
	}
	return inputs
}

// Records of repartition topics are deleted by request once they are processed, never by age.
func repartitionConfigs() map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800"}
}

func changelogTopic(s Setup, spec state.Spec) internalTopic {
	t := internalTopic{name: s.Topology.ChangelogName(spec.Name()), changelog: true}
	t.configs = map[string]string{"cleanup.policy": "compact"}
	keep := spec.Options().Retention
	later := milliseconds(min(keep, Forever) + min(s.WindowRetention, Forever))
	switch {
	case spec.Kind() == state.KindVersioned: // versions of a key must not be compacted while they can be asked for
		t.configs["min.compaction.lag.ms"] = later
	case state.Expires(spec) && keep < Forever:
		t.retention = keep
		t.configs["cleanup.policy"], t.configs["retention.ms"] = "compact,delete", later
		if spec.Kind() == state.KindBuffer { // each record has a key of its own
			t.configs["cleanup.policy"] = "delete"
		}
	}
	return t
}

// Forever is a retention that no broker need keep to.
const Forever = 100 * 365 * 24 * time.Hour

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// ensureInternal creates the internal topics that are missing and checks the others. It returns for each changelog how
// long its deletes are there.
func (c *Cluster) ensureInternal(
	ctx context.Context, s Setup, counts *topology.Partitions,
) (forgets map[string]time.Duration, err error) {
	forgets = map[string]time.Duration{}
	wanted := sizedTopics(s, counts)
	var names []string
	for _, t := range wanted {
		names = append(names, t.name)
	}
	if len(names) == 0 {
		return forgets, nil
	}
	found, err := c.topics(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, t := range wanted {
		if _, ok := found[t.name]; !ok {
			if err := c.create(ctx, s, t); err != nil {
				return nil, err
			}
		}
	}
	if found, err = c.created(ctx, names); err != nil {
		return nil, err
	}
	return forgets, c.validate(ctx, wanted, found, forgets)
}

// created are the details of topics, once all brokers' metadata show them.
func (c *Cluster) created(ctx context.Context, names []string) (found kadm.TopicDetails, err error) {
	err = Retry(ctx, func() error {
		if found, err = c.topics(ctx, names); err == nil && len(found) < len(names) {
			return fmt.Errorf("internal topics: %w", kerr.UnknownTopicOrPartition)
		}
		return err
	})
	return found, err
}

func (c *Cluster) create(ctx context.Context, s Setup, t internalTopic) error {
	if err := c.refuseLostState(ctx, s, t); err != nil {
		return err
	}
	configs := map[string]*string{}
	for k, v := range t.configs {
		configs[k] = &v
	}
	s.Logger.Info("creating internal topic", "topic", t.name, "partitions", t.partitions, "configs", t.configs)
	_, err := c.admin.CreateTopic(ctx, t.partitions, s.ReplicationFactor, configs, t.name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // another instance may be as quick
		return fmt.Errorf("create internal topic %s: %w", t.name, NameRight("Create", "topic", t.name, err))
	}
	return nil
}

// refuseLostState stops an application of which a changelog or a repartition topic is gone although its group has
// committed: an empty one in its place would lose state, or records under way, without a word.
func (c *Cluster) refuseLostState(ctx context.Context, s Setup, t internalTopic) error {
	var offsets kadm.OffsetResponses
	err := Retry(ctx, func() (err error) {
		offsets, err = c.admin.FetchOffsets(ctx, s.Topology.App)
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("offsets of group %s: %w", s.Topology.App, err)
	}
	for _, topic := range t.inputs {
		for _, o := range offsets[topic] {
			if o.At > 0 && !s.AllowLostState {
				return c.lostState(ctx, s, t, topic)
			}
		}
	}
	return nil
}

// lostState is the error for a changelog that is gone. The controller is asked first: it knows of a topic that another
// process has just created before other brokers do.
func (c *Cluster) lostState(ctx context.Context, s Setup, t internalTopic, input string) error {
	found, err := c.admin.ValidateCreateTopics(ctx, 1, s.ReplicationFactor, nil, t.name)
	switch {
	case err != nil:
		return fmt.Errorf("look for changelog %s: %w", t.name, err)
	case errors.Is(found[t.name].Err, kerr.TopicAlreadyExists):
		return nil
	}
	left, err := c.leftovers(ctx, s, t)
	if err != nil {
		return fmt.Errorf("look for changelog %s: %w", t.name, err)
	}
	return t.gone(input, left)
}

// leftovers are the internal topics of the kind of t that belong to nothing that the topology has: one of them may be t
// under another name.
func (c *Cluster) leftovers(ctx context.Context, s Setup, t internalTopic) ([]string, error) {
	found, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	suffix := "-repartition"
	if t.changelog {
		suffix = "-changelog"
	}
	return slices.DeleteFunc(s.Topology.Leftovers(found.Names()), func(name string) bool {
		return !strings.HasSuffix(name, suffix)
	}), nil
}

// gone is the error for a topic that is not there, although the group has offsets of an input. left are those that
// belong to nothing.
func (t internalTopic) gone(input string, left []string) error {
	what, may := "the step that writes it", "if what was in it may be left out"
	if t.changelog {
		what, may = "its store", "if the state may start empty"
	}
	have := "been deleted, or " + what + " is new"
	if len(left) > 0 {
		have += " or was renamed: " + strings.Join(left, ", ") + " belongs to nothing that the topology has"
	}
	want := "it, as the group has committed offsets for " + input + ": "
	if len(left) > 0 {
		want += "give back the name that it had; or "
	}
	return &InternalTopicError{Topic: t.name, Have: have, Want: want + may + ", set Config.AllowNewStores"}
}

func (c *Cluster) validate(
	ctx context.Context, wanted []internalTopic, found kadm.TopicDetails, forgets map[string]time.Duration,
) error {
	configs, err := c.admin.DescribeTopicConfigs(ctx, slices.Collect(maps.Keys(found))...)
	if isRights(err) {
		err = errors.Join(c.checkRights(ctx), err) // the answer does not say for which topic
	}
	if err != nil {
		return fmt.Errorf("configs of internal topics: %w", err)
	}
	for _, t := range wanted {
		if have := int32(len(found[t.name].Partitions)); have < t.partitions || have > t.partitions && !t.shrinks {
			want := fmt.Sprint(t.partitions)
			if t.changelog {
				want += ", as topic " + t.largest + " has"
			}
			return &InternalTopicError{Topic: t.name, Have: fmt.Sprintf("%d partitions", have), Want: want}
		}
		rc, err := configs.On(t.name, nil)
		if err = errors.Join(err, rc.Err); err != nil {
			return fmt.Errorf("configs of %s: %w", t.name, NameRight("DescribeConfigs", "topic", t.name, err))
		}
		have := settings(rc)
		if err := t.check(have); err != nil {
			return err
		}
		if t.changelog {
			forgets[t.name] = deleteRetention(have)
		}
	}
	return nil
}

// check finds settings with which the topic would lose what the application needs.
func (t internalTopic) check(have map[string]string) error {
	policy := strings.Split(have["cleanup.policy"], ",")
	retention, _ := strconv.ParseInt(have["retention.ms"], 10, 64)
	switch {
	case t.changelog && t.retention == 0 && slices.Contains(policy, "delete"):
		return &InternalTopicError{t.name, "cleanup.policy " + have["cleanup.policy"], "compact, as its rows have no end"}
	case t.changelog && !slices.Contains(policy, "compact") && t.retention == 0:
		return &InternalTopicError{t.name, "cleanup.policy " + have["cleanup.policy"], "compact"}
	case !t.changelog && slices.Contains(policy, "compact"):
		return &InternalTopicError{t.name, "cleanup.policy " + have["cleanup.policy"], "delete, as each record counts"}
	case t.retention > 0 && retention >= 0 && retention < t.retention.Milliseconds():
		return &InternalTopicError{t.name, "retention.ms " + have["retention.ms"],
			milliseconds(t.retention) + " or more"}
	}
	return nil
}
