package connect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// refuse applies the policy to a record that is not written.
func (s *session[K, V]) refuse(ctx context.Context, p Partition, r Record[K, V], why error) error {
	failed := &RecordError{Partition: p, Offset: r.Offset, Err: why}
	switch s.config.OnError {
	case streams.DeadLetter:
		if err := s.client.ProduceSync(ctx, deadLetter(s.config.DeadLetterTopic, p, r, failed)).FirstErr(); err != nil {
			return errors.Join(failed, fmt.Errorf("connect: dead-letter topic %q: %w", s.config.DeadLetterTopic, err))
		}
	case streams.Skip:
	default:
		return failed
	}
	var refused int64
	s.board.change(func(s *Status) { s.Refused++; refused = s.Refused })
	if time.Since(s.skipped) > warnEvery {
		s.skipped = time.Now()
		s.config.Logger.Warn("a record is left out", "partition", p.Number, "offset", r.Offset, "so far", refused,
			"error", why)
	}
	return nil
}

// deadLetter is the record's own bytes, with the headers of KIP-1034.
func deadLetter[K, V any](topic string, p Partition, r Record[K, V], failed *RecordError) *kgo.Record {
	out := &kgo.Record{Topic: topic, Key: r.RawKey, Value: r.RawValue, Timestamp: time.UnixMilli(max(r.Timestamp, 0))}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	for _, h := range [][2]string{
		{"exception", fmt.Sprintf("%T", innermost(failed))}, {"message", failed.Error()}, {"topic", p.Topic},
		{"partition", strconv.Itoa(int(p.Number))}, {"offset", strconv.FormatInt(r.Offset, 10)},
	} {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: "__streams.errors." + h[0], Value: []byte(h[1])})
	}
	return out
}

// innermost is the error that others wrap: its type says more than theirs.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
