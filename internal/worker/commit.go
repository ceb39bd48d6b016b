package worker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// commit makes what the tasks have done durable: in Kafka first, then in the local databases. After an error the
// session ends, and a new one begins from what Kafka has: whether a commit whose answer was lost has happened is read
// from the committed offsets then.
func (w *Worker) commit(ctx context.Context) error {
	w.waits.begin(forCommit, w.config.Cluster.WhyNoProgress)
	defer w.waits.end(forCommit)
	c := Commit{Worker: w.config.Index, Commits: 1, Records: w.processed, Began: time.Now()}
	if !w.config.ExactlyOnce {
		if err := w.stays(ctx); err != nil {
			return err
		}
	}
	watch := lap(c.Began)
	var offsets []task.Offset
	err := w.calls.call(func() (err error) {
		offsets, err = w.set.Prepare(func(o topology.Output) { w.sendOne(ctx, &o) })
		return err
	})
	if err != nil {
		return err
	}
	c.Encode = watch.time()
	if err := w.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := w.failed(); err != nil {
		return err
	}
	c.Flush = watch.time()
	if w.inTxn && w.produced > 0 {
		err = w.commitTransaction(ctx, offsets, &c)
	} else if len(offsets) > 0 {
		err = w.commitOffsets(ctx, offsets)
	}
	if err != nil {
		return err
	}
	c.Offsets = watch.time() - c.Transaction
	c.Produced, c.Bytes = w.produced, w.allowance.sent
	w.processed, w.produced, w.inTxn = 0, 0, false
	if err := w.set.Committed(w.now()); err != nil {
		return err
	}
	c.Local = watch.time()
	w.paid()
	w.allowance.committed(time.Since(c.Began))
	w.unseen = true
	w.config.Report(c)
	w.owed = nil
	if w.restarts = 0; !w.began.IsZero() {
		w.config.Logger.Info("first commit", "took", time.Since(w.began).String())
		w.began = time.Time{}
	}
	w.purge(offsets)
	w.warnOfOldEvents()
	return nil
}

// warnOfOldEvents tells, once for each, of changelogs whose records are so old in event time that brokers delete them
// at once.
func (w *Worker) warnOfOldEvents() {
	for _, t := range w.set.Tasks() {
		if w.restores[t.ID] != nil {
			continue // it is the restore's
		}
		for _, c := range t.Changelogs() {
			keep, at := c.Retention()
			if keep >= cluster.Forever {
				continue // and so do brokers
			}
			if oldest := time.Now().Add(-keep - w.config.WindowRetention); keep > 0 && at >= 0 && !w.warned[c.Topic] &&
				time.UnixMilli(at).Before(oldest) {
				w.warned[c.Topic] = true
				w.config.Logger.Warn("event time is behind the retention of a changelog, which brokers delete by event time: "+
					"a restore would miss windows; raise Config.WindowRetention", "topic", c.Topic, "stream_time", time.UnixMilli(at))
			}
		}
	}
}

// commitOffsets commits without a transaction: at least once, or when nothing was produced.
func (w *Worker) commitOffsets(ctx context.Context, offsets []task.Offset) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.InstanceID = w.config.Topology.App, &w.config.Identity
	for topic, offsets := range byTopic(offsets) {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, w.layout.TopicIDs[topic]
		for _, o := range offsets {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = o.Partition, o.Offset, o.Epoch, &o.Metadata
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	return cluster.Retry(ctx, func() (err error) {
		if req.MemberID, req.Generation, err = w.membership(); err != nil {
			return fmt.Errorf("offset commit: %w", err)
		}
		resp, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return fmt.Errorf("offset commit: %w", err)
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					name := cmp.Or(t.Topic, w.layout.TopicName(t.TopicID))
					return fmt.Errorf("offset commit: %w", cluster.NameRight("Read", "topic", name, err))
				}
			}
		}
		return nil
	})
}

func byTopic(offsets []task.Offset) map[string][]task.Offset {
	out := map[string][]task.Offset{}
	for _, o := range offsets {
		out[o.Topic] = append(out[o.Topic], o)
	}
	return out
}

// commitTransaction adds the offsets to the transaction and ends it. The client is asked for its producer id anew each
// time: brokers with transaction version 2 raise the epoch with every transaction. c gets the time of the end.
func (w *Worker) commitTransaction(ctx context.Context, offsets []task.Offset, c *Commit) error {
	id, epoch, err := w.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer id: %w", err)
	}
	if !w.config.Cluster.Transactions2 {
		if err := w.addOffsets(ctx, id, epoch); err != nil {
			return err
		}
	}
	req := w.txnOffsetCommit(id, epoch, offsets)
	err = cluster.Retry(ctx, func() (err error) {
		if req.MemberID, req.Generation, err = w.membership(); err != nil {
			return fmt.Errorf("offset commit in transaction: %w", err)
		}
		resp, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return fmt.Errorf("offset commit in transaction: %w", err)
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("offset commit in transaction: %w", cluster.NameRight("Read", "topic", t.Topic, err))
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	watch := lap(time.Now())
	if err := w.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("end of transaction: %w", err)
	}
	c.Transaction = watch.time()
	return nil
}

func (w *Worker) txnOffsetCommit(id int64, epoch int16, offsets []task.Offset) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.InstanceID = w.config.Identity, w.config.Topology.App, &w.config.Identity
	req.ProducerID, req.ProducerEpoch = id, epoch
	for topic, offsets := range byTopic(offsets) {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, w.layout.TopicIDs[topic]
		for _, o := range offsets {
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = o.Partition, o.Offset, o.Epoch, &o.Metadata
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// addOffsets registers the group with the transaction, which brokers before transaction version 2 want done.
func (w *Worker) addOffsets(ctx context.Context, id int64, epoch int16) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group = w.config.Identity, w.config.Topology.App
	req.ProducerID, req.ProducerEpoch = id, epoch
	return cluster.Retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, w.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("offsets to transaction: %w", err)
		}
		return nil
	})
}

// fenceOwnTransaction ends the transaction that this worker's predecessor may have left open: until then its offsets
// count as unstable and its outputs hold up every reader.
func (w *Worker) fenceOwnTransaction(ctx context.Context) error {
	return w.config.Cluster.Fence(ctx, w.config.Identity, w.config.TransactionTimeout)
}
