package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// internalTopic is a topic that the application creates for itself, as it must be.
type internalTopic struct {
	sub        int // that has the store, or reads the repartition topic
	name       string
	partitions int32
	configs    map[string]string
	retention  time.Duration // least retention of a windowed changelog; 0: not limited by time
	lag        time.Duration // for which the versions of a key may be asked for; 0: the last one alone
	changelog  bool
	inputs     []string // of the sub-topology that a changelog belongs to, or of those that write to a repartition topic
	largest    string   // of the inputs
	shrinks    bool     // a larger input may have gone: partitions without a task are left alone
}

// InternalTopicError means that an internal topic is not as the topology needs it. To start anew: stop all instances,
// and run millstream reset.
type InternalTopicError struct {
	Topic      string
	Have, Want string
	Cure       string // what to do; empty: bring the topic back
}

func (e *InternalTopicError) Error() string {
	return fmt.Sprintf("internal topic %s has %s, the topology needs %s: %s", e.Topic, e.Have, e.Want,
		cmp.Or(e.Cure, "bring it back, or start anew with millstream reset"))
}

// OtherPartitions is the error of an internal topic that has another number of partitions than its inputs.
func OtherPartitions(topic string, have int32, want string) error {
	return &InternalTopicError{
		Topic: topic, Have: fmt.Sprintf("%d partitions", have), Want: want,
		Cure: "stop all instances, and move its rows with millstream rescale, or start anew with millstream reset: " +
			"partitions that are added by hand leave keys where nobody looks for them",
	}
}

// internalTopics are the changelogs and repartition topics of a topology, with the settings of Kafka Streams.
func internalTopics(s Setup) (out []internalTopic) {
	for _, sub := range s.Topology.Subs() {
		for _, n := range sub.Sources {
			if n.Topic.Repartition {
				name := s.Topology.TopicName(n.Topic)
				out = append(out, internalTopic{
					sub: sub.ID, name: name, configs: RepartitionConfigs(), inputs: append(writers(s.Topology, n.Topic), name),
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
		maps.Copy(out[i].configs, s.TopicConfigs)
	}
	return out
}

// sizedTopics are the internal topics with their numbers of partitions. Those after patterns that no topic matches yet
// are left out: they have no partitions, and wait.
func sizedTopics(s Setup, counts *graph.Partitions) []internalTopic {
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
func writers(t *graph.Topology, to *graph.Topic) (inputs []string) {
	for _, sub := range t.Subs() {
		if slices.ContainsFunc(sub.Sinks, func(n *graph.Node) bool { return n.Topic == to }) {
			inputs = append(inputs, t.Inputs(sub)...)
		}
	}
	return inputs
}

// RepartitionConfigs are the settings of repartition topics: their records are deleted by request once they are
// processed, never by age.
func RepartitionConfigs() map[string]string {
	return map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800", createTime: "CreateTime",
	}
}

func changelogTopic(s Setup, spec storage.Spec) internalTopic {
	t := internalTopic{name: s.Topology.ChangelogName(spec.Name()), changelog: true}
	keep, expires := spec.Options().Retention, storage.Expires(spec)
	t.configs = ChangelogConfigs(spec.Kind(), expires, keep, s.WindowRetention)
	switch {
	case spec.Kind() == storage.KindVersioned:
		t.lag = min(keep, Forever)
	case expires && keep < Forever:
		t.retention = keep
	}
	return t
}

const (
	createTime    = "message.timestamp.type"
	compactionLag = "min.compaction.lag.ms"
	// How far times of records may be from the broker's clock, in milliseconds. Brokers know them from 3.6 on.
	beforeMax = "message.timestamp.before.max.ms"
	afterMax  = "message.timestamp.after.max.ms"
)

// ChangelogConfigs are the settings of the changelog of a store whose rows are kept for a time, if they expire, and
// in the topic for windows longer.
func ChangelogConfigs(kind storage.Kind, expires bool, keep, windows time.Duration) map[string]string {
	configs := map[string]string{"cleanup.policy": "compact", createTime: "CreateTime"}
	later := milliseconds(min(keep, Forever) + min(windows, Forever))
	switch {
	case kind == storage.KindVersioned: // versions of a key must not be compacted while they can be asked for
		configs[compactionLag] = later
	case expires && keep < Forever:
		configs["cleanup.policy"], configs["retention.ms"] = "compact,delete", later
		if kind == storage.KindBuffer { // each record has a key of its own
			configs["cleanup.policy"] = "delete"
		}
	}
	return configs
}

// Forever is a retention that no broker need keep to.
const Forever = 100 * 365 * 24 * time.Hour

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// ensureInternal creates the internal topics that are missing and checks the others. It returns for each changelog how
// long its deletes are there.
func (c *Cluster) ensureInternal(
	ctx context.Context, s Setup, counts *graph.Partitions,
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
	return forgets, c.validate(ctx, s, wanted, found, forgets)
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
	err := CreateInternal(ctx, c.admin, t.name, t.partitions, s.ReplicationFactor, configs)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // another instance may be as quick
		return fmt.Errorf("create internal topic %s: %w", t.name, NameRight("Create", "topic", t.name, err))
	}
	return nil
}

// CreateInternal creates an internal topic. Event time is the application's, and no broker may refuse it for how far it
// is from now: from Kafka 4 on an hour ahead is too much by default. Brokers that do not know such limits have none;
// where a policy forbids them the topic is as that has it.
func CreateInternal(
	ctx context.Context, admin *kadm.Client, name string, partitions int32, replicas int16, configs map[string]*string,
) error {
	most := strconv.FormatInt(math.MaxInt64, 10)
	anyTime := map[string]*string{beforeMax: &most, afterMax: &most}
	maps.Copy(anyTime, configs)
	_, err := admin.CreateTopic(ctx, partitions, replicas, anyTime, name)
	if IsAny(err, kerr.InvalidConfig, kerr.PolicyViolation, kerr.InvalidRequest) {
		_, err = admin.CreateTopic(ctx, partitions, replicas, configs, name)
	}
	return err
}

// refuseLostState stops an application of which a changelog or a repartition topic is gone although its group has
// committed: an empty one in its place would lose state, or records under way, without a word.
func (c *Cluster) refuseLostState(ctx context.Context, s Setup, t internalTopic) error {
	var offsets kadm.OffsetResponses
	err := Retry(ctx, func() (err error) {
		offsets, err = c.admin.FetchOffsets(ctx, s.Topology.App())
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("offsets of group %s: %w", s.Topology.App(), err)
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
	cure := may + ", set Config.AllowNewStores for one start; if not, bring the topic back, or start anew with " +
		"millstream reset"
	if len(left) > 0 {
		cure = "give back the name that it had; or " + cure
	}
	want := "it, as the group has committed offsets for " + input
	return &InternalTopicError{Topic: t.name, Have: have, Want: want, Cure: cure}
}

func (c *Cluster) validate(
	ctx context.Context, s Setup, wanted []internalTopic, found kadm.TopicDetails, forgets map[string]time.Duration,
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
			return OtherPartitions(t.name, have, want)
		}
		rc, err := configs.On(t.name, nil)
		if err = errors.Join(err, rc.Err); err != nil {
			return fmt.Errorf("configs of %s: %w", t.name, NameRight("DescribeConfigs", "topic", t.name, err))
		}
		have := settings(rc)
		if err := t.check(have); err != nil {
			return err
		}
		if err := c.checkLosses(s, t, rc); err != nil {
			return err
		}
		if t.changelog {
			forgets[t.name] = deleteRetention(have)
		}
	}
	return nil
}
