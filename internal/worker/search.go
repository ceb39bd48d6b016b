package worker

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// errSearched begins a session anew that sends records one by one.
var errSearched = errors.New("worker: Kafka refuses a record, which is searched")

// errSmaller begins a session anew that sends smaller batches to a topic.
var errSmaller = errors.New("worker: Kafka refuses a batch, or a record of it, as too large")

// aloneFor is how long records are sent one by one, to find the one that is refused.
const aloneFor = time.Minute

// sendsAlone is true while each record is sent by itself.
func (l *lessons) sendsAlone() bool {
	return !l.aloneSince.IsZero() && time.Since(l.aloneSince) < aloneFor
}

// Of a topic that takes no large batches small ones are sent. Each time that one is refused, the next ones are smaller
// by a factor, until that helps or a batch with one record is refused: then it is the record. After a while large ones
// are tried again, as the topic may take them by then.
const (
	firstSmall   = 128 << 10 // bytes of the first small batches
	smallerBy    = 8
	smallBatches = time.Hour
)

// smallBatch is how much is sent to a topic at once.
type smallBatch struct {
	bytes int64
	since time.Time
}

// smallBatch is how many bytes a batch for a topic may have; ok is false if the client decides.
func (l *lessons) smallBatch(topic string) (bytes int64, ok bool) {
	if len(l.batches) == 0 {
		return 0, false
	}
	b, ok := l.batches[topic]
	return b.bytes, ok && time.Since(b.since) < smallBatches
}

// search is how to find out whether it is a record that is refused, and which one: the error with which a session
// begins anew that sends less at once. It is nil if the record is known to be at fault, as it was sent by itself.
func (l *lessons) search(produced *ProduceError) error {
	size := refusesSize(produced.Err)
	most, small := l.smallBatch(produced.Topic)
	switch {
	case errors.Is(produced.Err, kerr.InvalidTopicException): // it is the topic
		return nil
	case l.sendsAlone():
		l.aloneSince = time.Time{}
		return nil
	case !size:
		l.aloneSince = time.Now()
		return errSearched
	case !small:
		most = firstSmall * smallerBy
	case produced.size() >= most:
		delete(l.batches, produced.Topic)
		return nil
	}
	l.batches[produced.Topic] = smallBatch{most / smallerBy, time.Now()}
	return errSmaller
}
