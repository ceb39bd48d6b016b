package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millstream-go/millstream/internal/graph"
)

// Cluster is what an application knows of its Kafka cluster, and a client for requests outside
// of groups and transactions.
type Cluster struct {
	tellsEpochs   bool // the brokers tell the ends of epochs of leaders (KIP-101), and the client may ask
	Transactions2 bool // transaction version 2 (KIP-890): the epoch rises with each transaction

	client *kgo.Client
	admin  *kadm.Client
	setup  Setup
	peers  peers

	lastFailure *lastFailure
	unpurged    sync.Once // for the warning that repartition topics are not purged
	limits      sync.Map  // topics and settings of which it was told that they may lose records

	layouts gate                   // of who looks for a layout
	layout  atomic.Pointer[Layout] // as last found
	known   known
	names   atomic.Pointer[[]string] // of the known topics, and of the outputs
}

// Setup is what an application needs of the cluster before it can run.
type Setup struct {
	Topology          *graph.Topology
	DeadLetterTopic   string // empty: none
	ReplicationFactor int16  // of internal topics; -1: the broker's default
	// WindowRetention is what the changelogs of window stores are kept longer than their stores.
	WindowRetention time.Duration
	TopicConfigs    map[string]string // of internal topics, over the library's own
	// AllowLostState lets a changelog be created empty although the group has committed offsets: for a store that is
	// new.
	AllowLostState bool
	Wait           time.Duration // for brokers to answer
	// ExactlyOnce has old brokers refused.
	ExactlyOnce bool
	Logger      *slog.Logger
}

// UnreachableError means that no broker answered.
type UnreachableError struct {
	Waited time.Duration
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no Kafka broker answered within %v: check Config.Brokers, the network and the security settings "+
		"in Config.Kafka: %v", e.Waited, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Connect waits for the cluster, checks the application's topics and creates the internal ones that are missing.
func Connect(ctx context.Context, s Setup, opts []kgo.Opt) (*Cluster, error) {
	failure := &lastFailure{}
	client, err := NewClient(AdminRole, opts, kgo.MetadataMinAge(20*time.Millisecond), kgo.WithHooks(failure))
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		lastFailure: failure,
		client:      client, admin: kadm.NewClient(client), setup: s, known: known{gate: newGate()}, layouts: newGate(),
	}
	if err := c.connect(ctx, s); err != nil {
		c.Close()
		return nil, NameAppRight(s.Topology.App(), err)
	}
	return c, nil
}

// topicsAppear is how long a topic that was just created may take to be known to every broker.
const topicsAppear = 2 * time.Second

// connect repeats its work while brokers that are just starting refuse it, and for a moment while topics are missing.
func (c *Cluster) connect(ctx context.Context, s Setup) error {
	began := time.Now()
	if err := c.reach(ctx, s.Wait); err != nil {
		return err
	}
	for {
		err := c.refuseRescaling(ctx)
		if err == nil {
			_, err = c.Layout(ctx)
		}
		if err == nil {
			err = c.checkRights(ctx)
		}
		if err == nil || time.Since(began) > patience(err, s.Wait) {
			if wrong, _ := insecure(err); wrong != nil {
				return wrong
			}
			return err
		}
		s.Logger.Warn("the cluster is not ready", "error", err)
		if err := Sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// firstAnswer is how long a broker has to answer before it is asked again.
const firstAnswer = 3 * time.Second

// patience is how long an error of check may pass by itself.
func patience(err error, wait time.Duration) time.Duration {
	var source *graph.MissingSourceError
	var sink *MissingSinkError
	_, doubt := insecure(err)
	switch {
	case doubt || kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || errors.Is(err, kerr.InvalidReplicationFactor):
		return wait
	case errors.As(err, &source) || errors.As(err, &sink):
		return min(wait, topicsAppear)
	}
	return 0
}

// check finds the application's topics as they must be, or makes them so.
func (c *Cluster) check(ctx context.Context, s Setup, matched map[string]int32) (*Layout, error) {
	external, err := c.checkExternal(ctx, s)
	if err != nil {
		return nil, err
	}
	l := &Layout{Topology: s.Topology, Matched: matched}
	if s.Topology.HasPatterns() {
		maps.Copy(external, matched)
		if l.Topology, err = s.Topology.Expand(slices.Collect(maps.Keys(matched))); err != nil {
			return nil, err
		}
		s.Topology = l.Topology
		if err := c.keepSizes(ctx, s.Topology, external); err != nil {
			return nil, err
		}
	}
	if l.Partitions, err = l.Topology.Partitions(external); err != nil {
		return nil, err
	}
	l.Keyed = l.Topology.Keyed()
	if l.DeleteRetention, err = c.ensureInternal(ctx, s, l.Partitions); err != nil {
		return nil, err
	}
	c.readDeleteRetention(ctx, l.Topology.GlobalTopics(), l.DeleteRetention)
	return l, nil
}

// keepSizes adds the repartition topics that are there. They may be larger than they would be made now, because a large
// topic that matched a pattern has gone, and have records in all their partitions.
func (c *Cluster) keepSizes(ctx context.Context, topo *graph.Topology, counts map[string]int32) error {
	names := slices.DeleteFunc(topo.SourceTopics(), func(name string) bool { return !topo.IsRepartition(name) })
	if len(names) == 0 {
		return nil // no names would mean all topics
	}
	found, err := c.topics(ctx, names)
	for name, t := range found {
		counts[name] = int32(len(t.Partitions))
	}
	return err
}

// reach waits for the first answer, which tells what the cluster can do. The client tries connections again by itself,
// so each try of ours is bounded: what became of the connections is looked at between them.
func (c *Cluster) reach(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	told := false
	for try := min(firstAnswer, wait/2); ; try *= 2 {
		resp, err := c.versions(ctx, try)
		if err == nil {
			return c.note(resp)
		}
		if last := c.lastFailure.Load(); last != nil && errors.Is(err, context.DeadlineExceeded) {
			err = *last
		}
		wrong, doubt := insecure(err)
		switch {
		case wrong != nil && !doubt:
			return wrong
		case wrong == nil && isRights(err):
			return err
		case wrong != nil && !told:
			told = true
			c.setup.Logger.Warn("a broker ends each connection: it may be starting, and is asked again until StartTimeout",
				"otherwise", wrong.Reason, "wait", wait.String(), "error", wrong.Err)
		}
		switch slept := Sleep(ctx, 200*time.Millisecond); {
		case slept != nil && wrong != nil:
			return wrong
		case slept != nil:
			return &UnreachableError{Waited: wait, Err: err}
		}
	}
}

func (c *Cluster) versions(ctx context.Context, within time.Duration) (*kmsg.ApiVersionsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, c.client)
}

// note keeps what the cluster can do.
func (c *Cluster) note(resp *kmsg.ApiVersionsResponse) error {
	for _, f := range resp.FinalizedFeatures {
		c.Transactions2 = c.Transactions2 || f.Name == "transaction.version" && f.MaxVersionLevel >= 2
	}
	c.tellsEpochs = slices.ContainsFunc(resp.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == int16(kmsg.OffsetForLeaderEpoch)
	})
	if most, ok := c.client.OptValue(kgo.MaxVersions).(*kversion.Versions); ok && most != nil {
		c.tellsEpochs = c.tellsEpochs && most.HasKey(int16(kmsg.OffsetForLeaderEpoch))
	}
	fences := slices.ContainsFunc(resp.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == int16(kmsg.TxnOffsetCommit) && k.MaxVersion >= 3
	})
	if c.setup.ExactlyOnce && !fences {
		return &SettingsError{"Config.Guarantee", errOldBroker}
	}
	return nil
}

// lastFailure is why the last connection did not come about; it is a hook of the client.
type lastFailure struct{ atomic.Pointer[error] }

// OnBrokerConnect is kgo.HookBrokerConnect.
func (l *lastFailure) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		l.Store(&err)
	}
}

// errOldBroker: before KIP-447, Kafka 2.5, a worker that the group gave up could still commit.
var errOldBroker = errors.New("the broker is older than Kafka 2.5, which exactly once needs: use AtLeastOnce, or " +
	"newer brokers")

// checkExternal finds the topics that must exist, and returns their partition counts.
func (c *Cluster) checkExternal(ctx context.Context, s Setup) (map[string]int32, error) {
	sources, sinks := s.Topology.ExternalTopics()
	if s.DeadLetterTopic != "" {
		sinks = append(sinks, s.DeadLetterTopic)
	}
	counts := map[string]int32{}
	if len(sources)+len(sinks) == 0 {
		return counts, nil // no names would mean all topics
	}
	topics, err := c.topics(ctx, append(sources, sinks...))
	if err != nil {
		return nil, err
	}
	for name, t := range topics {
		counts[name] = int32(len(t.Partitions))
	}
	var missing []string
	for _, name := range sinks {
		if counts[name] == 0 {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return nil, &MissingSinkError{Topics: missing}
	}
	return counts, nil
}

// topics are the details of those topics that exist.
func (c *Cluster) topics(ctx context.Context, names []string) (kadm.TopicDetails, error) {
	var found kadm.TopicDetails
	err := Retry(ctx, func() (err error) {
		if found, err = c.admin.ListTopics(ctx, names...); err != nil {
			return fmt.Errorf("topics: %w", err)
		}
		return nil
	})
	if isRights(err) {
		return nil, c.notShown(ctx, names, err)
	}
	if err != nil {
		return nil, err
	}
	for name, t := range found {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			delete(found, name)
		case t.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, t.Err)
		}
	}
	return found, nil
}

// notShown finds which of some topics Kafka does not show. Who may read or write a topic may see it.
func (c *Cluster) notShown(ctx context.Context, names []string, err error) error {
	sources, _ := c.setup.Topology.ExternalTopics()
	for _, name := range names {
		_, one := c.admin.ListTopics(ctx, name)
		switch {
		case !isRights(one):
		case c.setup.Topology.IsInternal(name) || slices.Contains(sources, name):
			return NameRight("Read", "topic", name, one)
		default:
			return NameRight("Write", "topic", name, one)
		}
	}
	return err
}

// identify is the id of the cluster, empty if it has none, and those of topics that are there, zeros before Kafka 2.8.
// For a moment it asks more than once: a broker that has just started may not know them all. One that stays unknown is
// an error that passes.
func (c *Cluster) identify(ctx context.Context, names []string) (string, map[string][16]byte, error) {
	if len(names) == 0 {
		return "", map[string][16]byte{}, nil // no names would mean all topics
	}
	for began := time.Now(); ; {
		found, err := c.admin.Metadata(ctx, names...)
		if err != nil {
			return "", nil, fmt.Errorf("topics: %w", err)
		}
		ids, err := idsOf(found.Topics, names)
		if err == nil || !kerr.IsRetriable(err) || time.Since(began) > topicsAppear {
			return found.Cluster, ids, err
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return "", nil, err
		}
	}
}

func idsOf(found kadm.TopicDetails, names []string) (map[string][16]byte, error) {
	ids := map[string][16]byte{}
	for _, name := range names {
		t, there := found[name]
		if !there {
			t.Err = kerr.UnknownTopicOrPartition
		}
		if t.Err != nil {
			return nil, fmt.Errorf("topic %s: %w", name, t.Err)
		}
		ids[name] = t.ID
	}
	return ids, nil
}

// Tasks is the number of tasks of the topology as it lies now.
func (c *Cluster) Tasks() (n int) {
	for _, tasks := range c.layout.Load().Partitions.Tasks {
		n += int(tasks)
	}
	return n
}

// Partitions is the number of partitions of an input, as the topology lies now.
func (c *Cluster) Partitions(topic string) int32 {
	return c.layout.Load().Partitions.Topics[topic]
}

// Context ends with the cluster's client.
func (c *Cluster) Context() context.Context { return c.client.Context() }

// Client is the client for requests outside of groups and transactions.
func (c *Cluster) Client() *kgo.Client { return c.client }

// Close ends the client.
func (c *Cluster) Close() { c.client.Close() }
