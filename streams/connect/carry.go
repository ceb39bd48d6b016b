package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// open takes the split over. The producer id of its transactional id comes first: it ends what a former owner has
// begun, and keeps that one from committing more. Only then is the position what it will be read on from.
func (s *split[K, V]) open(ctx context.Context) (err error) {
	c := s.config
	s.ends, s.committing = &cluster.TransactionEnds{}, cluster.NewCommitting()
	opts := clientOpts(c.Brokers, c.Kafka,
		kgo.TransactionalID(c.transactionalID(s.number)), kgo.TransactionTimeout(c.TransactionTimeout),
		kgo.RecordPartitioner(s.committing), kgo.WithHooks(s.ends))
	if s.client, err = kgo.NewClient(opts...); err != nil {
		return &SetupError{What: "SourceConfig.Kafka", Err: err}
	}
	if err := s.checkCommitted(ctx); err != nil { // the next call makes the brokers forget what it looks at
		return err
	}
	if _, _, err := s.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("transactional id: %w", err)
	}
	position, err := s.position(ctx)
	if err != nil {
		return fmt.Errorf("position: %w", err)
	}
	if s.reader, err = s.source.Open(ctx, s.number, position); err != nil {
		return err
	}
	c.Logger.Info("split opened", "split", s.number, "position", string(position))
	return nil
}

// carry reads, and commits the records with the position behind them.
func (s *split[K, V]) carry(ctx context.Context) (moved bool, err error) {
	records, position, err := s.reader.Read(ctx)
	if err != nil || len(records) == 0 {
		return false, err
	}
	if err := s.client.BeginTransaction(); err != nil {
		return false, err
	}
	// A stop lets the transaction finish: else it would hold up readers until it times out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.TransactionTimeout)
	defer cancel()
	var out []*kgo.Record
	for i := range records {
		r, err := s.encode(&records[i])
		if err != nil {
			return false, errors.Join(err, s.client.EndTransaction(ctx, kgo.TryAbort))
		}
		out = append(out, r)
	}
	out = append(out, &kgo.Record{
		Topic: s.config.positions(), Partition: s.number, Key: []byte("position"), Value: position,
	})
	if err := s.client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return false, errors.Join(err, s.client.EndTransaction(ctx, kgo.TryAbort))
	}
	if err := s.committing.Commit(ctx, s.client); err != nil {
		return false, fmt.Errorf("commit: %w", err) // whether it holds, the next producer id settles
	}
	s.begun[s.number] = true
	s.board.change(func(status *Status) { status.Written += int64(len(records)) })
	return true, nil
}

func (s *split[K, V]) encode(r *streams.Record[K, V]) (*kgo.Record, error) {
	o := graph.Output{Topic: s.topic.Name(), Partition: graph.ByKey, Headers: r.Headers, Timestamp: r.Timestamp}
	var err error
	if !r.NullKey {
		if o.Key, err = s.topic.Key().Append([]byte{}, r.Key); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	}
	if !r.NullValue {
		if o.Value, err = s.topic.Value().Append([]byte{}, r.Value); err != nil {
			return nil, fmt.Errorf("value: %w", err)
		}
		o.Value = graph.SplitFrame(s.topic.Value(), &o.Headers, o.Value)
	}
	if o.Timestamp <= 0 {
		o.Timestamp = time.Now().UnixMilli()
	}
	out := &kgo.Record{}
	cluster.NewRecord(out, &o)
	return out, nil
}
