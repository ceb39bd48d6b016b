package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
)

// commitOffsets commits without a transaction: at least once, or when nothing was produced.
func (m *membership) commitOffsets(ctx context.Context, offsets []task.Offset) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.InstanceID = m.group, &m.identity
	for topic, offsets := range byTopic(offsets) {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, m.layout.TopicIDs[topic]
		for _, o := range offsets {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = o.Partition, o.Offset, o.Epoch, &o.Metadata
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	return cluster.Retry(ctx, func() (err error) {
		if req.MemberID, req.Generation, err = m.current(); err != nil {
			return fmt.Errorf("offset commit: %w", err)
		}
		resp, err := req.RequestWith(ctx, m.client)
		if err != nil {
			return fmt.Errorf("offset commit: %w", err)
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					name := cmp.Or(t.Topic, m.layout.TopicName(t.TopicID))
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
func (m *membership) commitTransaction(ctx context.Context, offsets []task.Offset, c *Commit) error {
	id, epoch, err := m.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer id: %w", err)
	}
	if !m.kafka.Transactions2 {
		if err := m.addOffsets(ctx, id, epoch); err != nil {
			return err
		}
	}
	req := m.txnOffsetCommit(id, epoch, offsets)
	err = cluster.Retry(ctx, func() (err error) {
		if req.MemberID, req.Generation, err = m.current(); err != nil {
			return fmt.Errorf("offset commit in transaction: %w", err)
		}
		resp, err := req.RequestWith(ctx, m.client)
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
	if err := m.committing.Commit(ctx, m.client); err != nil {
		return fmt.Errorf("end of transaction: %w", err)
	}
	c.Transaction = watch.time()
	return nil
}

// errEndMayComeLate ends a session whose next transaction must have another epoch.
var errEndMayComeLate = errors.New("worker: the end of a transaction was asked for again")

// endMayComeLate is errEndMayComeLate if brokers may act once more on the end of a transaction that they have ended.
func (m *membership) endMayComeLate() error {
	if !m.kafka.Transactions2 && m.ends.MayComeLate() {
		return errEndMayComeLate
	}
	return nil
}

func (m *membership) txnOffsetCommit(id int64, epoch int16, offsets []task.Offset) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.InstanceID = m.identity, m.group, &m.identity
	req.ProducerID, req.ProducerEpoch = id, epoch
	for topic, offsets := range byTopic(offsets) {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, m.layout.TopicIDs[topic]
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
func (m *membership) addOffsets(ctx context.Context, id int64, epoch int16) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group = m.identity, m.group
	req.ProducerID, req.ProducerEpoch = id, epoch
	return cluster.Retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, m.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("offsets to transaction: %w", err)
		}
		return nil
	})
}
