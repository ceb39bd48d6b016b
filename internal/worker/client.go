package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millstream-go/millstream/internal/cluster"
)

// rebalanceTimeout is how long the group waits for a member that must give partitions up: until its record in work is
// done. One that takes longer, when processes come and go, is begun again elsewhere. Members that died are not waited
// for: that is what the session timeout is for.
const rebalanceTimeout = 10 * time.Minute

// connect makes the client of the session. It joins the group at once.
func (s *session) connect() (err error) {
	c, layout, events := s.config, s.layout, s.events
	joining, ends, committing := &joining{}, &cluster.TransactionEnds{}, cluster.NewCommitting()
	s.balancer = &balancer{
		topology: c.Topology, process: c.Process.ID, endpoint: c.Endpoint, layout: layout.Sum(), log: c.Logger,
		onMembers: func(identities []string) { c.Cluster.FenceGone(identities, c.TransactionTimeout) },
	}
	s.balancer.onTopics = func(topics []string) {
		if layout.HasNew(topics) {
			events.post(func(context.Context) error { s.checkTopicsNow(); return nil })
		}
	}
	if c.Index == 0 {
		s.balancer.stored = c.copies
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.Topology.App()),
		kgo.InstanceID(c.Identity),
		kgo.SessionTimeout(c.SessionTimeout),
		kgo.HeartbeatInterval(c.SessionTimeout / 10),
		kgo.RebalanceTimeout(max(rebalanceTimeout, c.SessionTimeout)),
		kgo.Balancers(s.balancer),
		kgo.ConsumeTopics(layout.Inputs()...),
		kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(committing),
		kgo.WithHooks(joining, ends),
	}
	opts = append(opts, s.callbacks()...)
	var ctx context.Context
	ctx, s.abandon = context.WithCancel(context.Background())
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
	s.client, err = cluster.NewClient(cluster.WorkerRole, c.Client(cluster.WorkerRole), opts...)
	s.member = membership{
		client: s.client, kafka: c.Cluster, group: c.Topology.App(), identity: c.Identity, layout: layout,
		joining: joining, ends: ends, committing: committing,
	}
	s.out = producer{
		client: s.client, member: &s.member, transactions: c.ExactlyOnce, allowance: s.worker.allowance,
		lessons: &s.worker.lessons, together: map[string]int64{},
	}
	return err
}

// callbacks are what the client calls when partitions come and go.
func (s *session) callbacks() []kgo.Opt {
	c := s.config
	layout, events := s.layout, s.events // of this session: callbacks of a client that is closing find it stopped
	var starts cluster.Offsets           // of the partitions just assigned; used by one goroutine of the client
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, added map[string][]int32) {
			cl.PauseFetchPartitions(added) // until their tasks have been restored
			if len(added) == 0 {
				events.post(s.nothingAdded)
			}
		}),
		kgo.OnOffsetsFetched(func(ctx context.Context, cl *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
			committed, err := layout.Committed(resp)
			if err == nil {
				err = c.Cluster.RefetchOffsets(ctx, committed, func(topic string, p int32) bool {
					return hasDirectory(layout, c.StateDir, topic, p)
				})
			}
			if err == nil {
				err = c.Cluster.ChooseOffsets(ctx, c.Topology, committed)
			}
			if ctx.Err() != nil {
				return ctx.Err() // a rebalance, after which they are fetched anew, or the end of the client
			}
			starts = committed
			switch {
			case errors.Is(err, cluster.ErrTopicsChanged):
				events.post(s.endForTopics)
				return err
			case err != nil:
				events.post(func(context.Context) error { return err })
				return err
			}
			member, _ := cl.GroupMetadata()
			events.post(func(ctx context.Context) error { return s.assign(ctx, member, committed) })
			return nil
		}),
		kgo.AdjustFetchOffsetsFn(func(_ context.Context, fetched cluster.FetchOffsets) (cluster.FetchOffsets, error) {
			return starts.Adjust(fetched), nil
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			if len(gone) > 0 { // nothing, before each rebalance: a slow record must not hold that up
				events.wait(func(ctx context.Context) error { return s.revoke(ctx, gone) })
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
