package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// rebalanceTimeout is how long the group waits for a member that must give partitions up: until its record in work is
// done. One that takes longer, when processes come and go, is begun again elsewhere. Members that died are not waited
// for: that is what the session timeout is for.
const rebalanceTimeout = 10 * time.Minute

// newClient makes the client of a session. It joins the group at once.
func (w *Worker) newClient() (*kgo.Client, error) {
	c, layout, events := w.config, w.layout, w.events
	w.joining = &joining{}
	w.balancer = &balancer{
		topology: c.Topology, process: c.Process.ID, layout: layout.Sum(), log: c.Logger,
		present: func(identities []string) { c.Cluster.FenceGone(identities, c.TransactionTimeout) },
	}
	w.balancer.heard = func(topics []string) {
		if layout.HasNew(topics) {
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
		kgo.ConsumeTopics(layout.Inputs()...),
		kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(cluster.Partitioner()),
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
	return cluster.NewClient(cluster.WorkerRole, c.Client(cluster.WorkerRole), opts...)
}

// callbacks are what the client calls when partitions come and go.
func (w *Worker) callbacks() []kgo.Opt {
	c := w.config
	layout, events := w.layout, w.events // of this session: callbacks of a client that is closing find it stopped
	var starts cluster.Offsets           // of the partitions just assigned; used by one goroutine of the client
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, added map[string][]int32) {
			cl.PauseFetchPartitions(added) // until their tasks have been restored
			if len(added) == 0 {
				events.post(w.nothingAdded)
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
		kgo.AdjustFetchOffsetsFn(func(_ context.Context, fetched cluster.FetchOffsets) (cluster.FetchOffsets, error) {
			return starts.Adjust(fetched), nil
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
