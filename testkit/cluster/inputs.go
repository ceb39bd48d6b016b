package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// abortLater writes records to a topic in a transaction, which ends a while later.
func (s *simulation) abortLater(f fault, topic string) error {
	partitions := s.fake.PartitionInfos(topic)
	if len(partitions) == 0 {
		return nil // it is gone
	}
	lasts := min(f.lasts, 2*time.Minute)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.fake.ListenAddrs()...), kgo.Dialer(s.net.DialContext),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.TransactionalID(fmt.Sprintf("other-%v", f.at)), kgo.TransactionTimeout(lasts+time.Second))
	if err != nil {
		return err
	}
	s.closing = append(s.closing, client)
	p := int32(f.n) % int32(len(partitions))
	aborted := []*kgo.Record{
		{Topic: topic, Partition: p, Key: []byte("aborted"), Value: []byte("aborted")},
		{Topic: topic, Partition: p, Key: []byte("aborted"), Value: nil},
	}
	if client.BeginTransaction() != nil || client.ProduceSync(s.ctx, aborted...).FirstErr() != nil {
		return nil // other faults hit this client, too
	}
	s.meets(f.kind)
	if f.n%3 > 0 { // else the brokers end it
		s.later(lasts, func() { _ = client.EndTransaction(s.ctx, kgo.TryAbort) }) // if it fails, the brokers end it
	}
	return nil
}

// vanish deletes a topic, and creates it anew later. Until then instances that end wait.
func (s *simulation) vanish(f fault, topic string) error {
	n := int32(len(s.fake.PartitionInfos(topic)))
	if n == 0 {
		return nil
	}
	if err := s.fake.DeleteTopic(topic); err != nil {
		return err
	}
	s.gone++
	s.later(f.lasts, func() {
		s.gone--
		s.check(s.fake.CreateTopic(topic, n, nil))
		s.guards.forget()
	})
	s.log.tell(f.kind + " of " + topic)
	return s.changed(f, nil)
}

// back is an error while an input is gone.
func (s *simulation) back() error {
	if s.gone > 0 {
		return errors.New("an input is gone")
	}
	return nil
}

// shorten creates a topic anew, with the first of its records.
func (s *simulation) shorten(f fault, topic string) error {
	read, err := s.read([]string{topic})
	if err != nil {
		return err
	}
	if err := s.anew(f, []string{topic}, true); err != nil {
		return err
	}
	kept := map[int32]int{}
	var again []*kgo.Record
	for _, r := range read[topic] {
		if kept[r.Partition]++; kept[r.Partition] > f.n%40 {
			continue
		}
		again = append(again, &kgo.Record{
			Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp,
		})
	}
	return s.write(again)
}
