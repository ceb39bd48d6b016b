package worker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millstream-go/millstream/internal/task"
)

// Role is what a Kafka client of an application does.
type Role string

// The roles. An application has one admin client for all its life. Each worker has one client of its own for each
// session, one for the global tables, if there are any, and one for each restore.
const (
	AdminRole   Role = "admin"
	WorkerRole  Role = "worker"
	GlobalRole  Role = "global"
	RestoreRole Role = "restore"
)

// Tuning is what the library sets before the options of the user, who may know better. Records are sent without
// compression, as Kafka Streams does by default.
//
// The client has one fetch under way for each broker, and one without input lasts as long as its wait: a partition that
// is resumed meanwhile stands still until then. Hence the short wait, which is what an idle worker costs.
func Tuning() []kgo.Opt {
	return []kgo.Opt{
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.FetchMaxBytes(16 << 20),
		kgo.MaxConcurrentFetches(2),
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.MaxBufferedRecords(50_000),
		kgo.MaxBufferedBytes(32 << 20),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
}

// rebalanceTimeout is how long the group waits for a member that must give partitions up: until its record in work is
// done. One that takes longer, when processes come and go, is begun again elsewhere. Members that died are not waited
// for: that is what the session timeout is for.
const rebalanceTimeout = 10 * time.Minute

// newClient makes the client of a session. It joins the group at once.
func (w *Worker) newClient() (*kgo.Client, error) {
	c, layout, events := w.config, w.layout, w.events
	w.joining = &joining{}
	w.balancer = &balancer{
		topology: c.Topology, process: c.Process, endpoint: c.Endpoint, layout: layout.sum(),
		present: c.fencePeers, log: c.Logger,
	}
	w.balancer.heard = func(topics []string) {
		if layout.news(topics) {
			events.post(func(context.Context) error { w.lookNow(); return nil })
		}
	}
	if c.Index == 0 {
		w.balancer.stored = c.copies
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.Topology.App),
		kgo.InstanceID(c.Identity),
		kgo.SessionTimeout(c.SessionTimeout),
		kgo.HeartbeatInterval(c.SessionTimeout / 10),
		kgo.RebalanceTimeout(max(rebalanceTimeout, c.SessionTimeout)),
		kgo.Balancers(w.balancer),
		kgo.ConsumeTopics(layout.inputs()...),
		kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(Partitioner()),
		kgo.WithHooks(w.joining),
	}
	opts = append(opts, w.callbacks()...)
	var ctx context.Context
	ctx, w.abandon = context.WithCancel(context.Background())
	opts = append(opts, kgo.WithContext(ctx))
	if c.ExactlyOnce {
		opts = append(opts, kgo.TransactionalID(c.Identity), kgo.TransactionTimeout(c.TransactionTimeout))
		if !c.Cluster.Transactions2 {
			// TxnOffsetCommit from version 5 on means transaction version 2.
			v := kversion.Stable()
			v.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 4)
			opts = append(opts, kgo.MaxVersions(v))
		}
	}
	return newClient(WorkerRole, c.Client(WorkerRole), opts...)
}

// SettingsError is a mistake in the settings that shows only when they are used.
type SettingsError struct {
	Setting string // of streams.Config
	Err     error
}

func (e *SettingsError) Error() string { return fmt.Sprintf("%v: see %s", e.Err, e.Setting) }

func (e *SettingsError) Unwrap() error { return e.Err }

// newClient makes a client without asking a broker: an error is one of its options. own are those that the library sets
// behind the user's.
func newClient(role Role, user []kgo.Opt, own ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(user, own...)...)
	if err != nil {
		return nil, &SettingsError{"Config.Kafka and Config.SessionTimeout", fmt.Errorf("kafka client: %w", err)}
	}
	if err = harmless(client); err == nil && role != WorkerRole {
		err = anonymous(client, role)
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// harmless is an error if the user has set an option that undoes what the library promises.
func harmless(client *kgo.Client) error {
	on := func(option any) bool { return client.OptValue(option) == true }
	return refuse([]option{
		{"AllowAutoTopicCreation", "a topic that is gone would be made anew, and empty", on(kgo.AllowAutoTopicCreation)},
		{"ConsumeRegex", "names of topics would be taken for patterns: use FromPattern", on(kgo.ConsumeRegex)},
		{"DisableIdempotentWrite", "records would be doubled and change places", on(kgo.DisableIdempotentWrite)},
		{"RequiredAcks", "records would be lost with a broker", client.OptValue(kgo.RequiredAcks) != kgo.AllISRAcks()},
	})
}

// anonymous is an error if the user has set an option for a client outside of the group that says who it is or what it
// reads: that is up to the library.
func anonymous(client *kgo.Client, role Role) error {
	const why = "it is the library's to set"
	set := func(option any) bool { return client.OptValues(option)[1] == true }
	topics, _ := client.OptValue(kgo.ConsumeTopics).(map[string]*regexp.Regexp)
	partitions, _ := client.OptValue(kgo.ConsumePartitions).(map[string]map[int32]kgo.Offset)
	return refuse([]option{
		{"ConsumerGroup", "the group is the application's id: see Config.AppID", client.OptValue(kgo.ConsumerGroup) != ""},
		{"InstanceID", why, set(kgo.InstanceID)},
		{"TransactionalID", why + ": see Config.Guarantee", set(kgo.TransactionalID)},
		{"ConsumeTopics", why + ": topics are read with From", len(topics) > 0},
		{"ConsumePartitions", why + ": topics are read with From", role == AdminRole && len(partitions) > 0},
	})
}

// option is one of a client that a user may have set.
type option struct {
	name, why string
	set       bool
}

func refuse(options []option) error {
	for _, o := range options {
		if o.set {
			return &SettingsError{"Config.Kafka", fmt.Errorf("option kgo.%s must not be set: %s", o.name, o.why)}
		}
	}
	return nil
}

// callbacks are what the client calls when partitions come and go.
func (w *Worker) callbacks() []kgo.Opt {
	c := w.config
	layout, events := w.layout, w.events // of this session: callbacks of a client that is closing find it stopped
	var starts offsets                   // of the partitions just assigned; used by one goroutine of the client
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, added map[string][]int32) {
			cl.PauseFetchPartitions(added) // until their tasks have been restored
			if len(added) == 0 {
				events.post(w.nothingAdded)
			}
		}),
		kgo.OnOffsetsFetched(func(ctx context.Context, cl *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
			committed, err := layout.committed(resp)
			if err == nil {
				err = c.Cluster.ask(ctx, c.Topology.App, committed, func(topic string, p int32) bool {
					return layout.hasDirectory(c.StateDir, topic, p)
				})
			}
			if err == nil {
				err = c.Cluster.choose(ctx, c.Topology, committed)
			}
			if ctx.Err() != nil {
				return ctx.Err() // a rebalance, after which they are fetched anew, or the end of the client
			}
			starts = committed
			switch {
			case errors.Is(err, errTopicsChanged):
				events.post(w.leaveLayout)
				return err
			case err != nil:
				events.post(func(context.Context) error { return err })
				return err
			}
			member, _ := cl.GroupMetadata()
			events.post(func(ctx context.Context) error { return w.open(ctx, member, committed) })
			return nil
		}),
		kgo.AdjustFetchOffsetsFn(func(_ context.Context, fetched fetchOffsets) (fetchOffsets, error) {
			return starts.adjust(fetched), nil
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			if len(gone) > 0 { // nothing, before each rebalance: a slow record must not hold that up
				events.wait(func(ctx context.Context) error { return w.revoke(ctx, gone) })
			}
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			events.wait(func(context.Context) error { return lost(gone) })
		}),
	}
}

// lost ends the session: the group has given its tasks to others, and what was not committed must not be.
func lost(gone map[string][]int32) error {
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("partitions lost to the group: %w", kerr.UnknownMemberID)
}

// leave tells the group that a member is gone for good; the client kept its place, as a static member's. The request
// goes out when the client has closed, since a heartbeat after it would be an error. Without the member's id it would
// remove whoever has this worker's identity by now.
func (w *Worker) leave(ctx context.Context, member string) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = w.config.Topology.App
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = member, &w.config.Identity
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, w.config.Cluster.Client())
	if err == nil && len(resp.Members) > 0 {
		err = kerr.ErrorForCode(resp.Members[0].ErrorCode)
	}
	switch {
	case err == nil, errors.Is(err, kerr.UnknownMemberID): // gone already
	case errors.Is(err, kerr.FencedInstanceID):
		w.config.Logger.Warn("not a member of the group any more", "error", ErrFenced)
	default:
		w.config.Logger.Warn("could not leave the group; it will notice after the session timeout", "error", err)
	}
}

// purge deletes what has been processed of the repartition topics, now and then.
func (w *Worker) purge(done []task.Offset) {
	if time.Since(w.purgedAt) < purgeInterval {
		return
	}
	w.purgedAt = time.Now()
	gone := kadm.Offsets{}
	for _, o := range done {
		if w.config.Topology.IsRepartition(o.Topic) {
			gone.AddOffset(o.Topic, o.Partition, o.Offset, -1)
		}
	}
	if len(gone) == 0 {
		return
	}
	cluster, log := w.config.Cluster, w.config.Logger
	// Started by a commit, owns nothing, ends with its request or with the cluster's client.
	go func() {
		responses, err := cluster.admin.DeleteRecords(cluster.client.Context(), gone)
		if err == nil {
			err = refusedPurge(responses)
		}
		switch {
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			cluster.warnUnpurged(err)
		case err != nil:
			log.Debug("repartition topics not purged", "error", err)
		}
	}()
}

// refusedPurge is the first error of the partitions.
func refusedPurge(responses kadm.DeleteRecordsResponses) (err error) {
	responses.Each(func(r kadm.DeleteRecordsResponse) {
		if err == nil && r.Err != nil {
			err = mayNot("Delete", "topic", r.Topic, r.Err)
		}
	})
	return err
}

// purgeInterval is that of Kafka Streams (repartition.purge.interval.ms).
const purgeInterval = 30 * time.Second
