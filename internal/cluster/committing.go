package cluster

import (
	"context"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Committing commits the transactions of a client, and is its partitioner.
//
// franz-go, up to 1.22.3 at least, publishes the partitions of a topic that is produced to for the first time after it
// has let the waiting records go. A transaction that has nothing else, and whose records are acknowledged before that,
// looks empty to its end: the client aborts it, or leaves it open, and says that all is well. So the first transaction
// with a topic waits until the client's look at the topic is over.
type Committing struct {
	partitioner
	first atomic.Bool // a topic was met for the first time since the last commit
}

// NewCommitting is for one client, as its RecordPartitioner.
func NewCommitting() *Committing {
	return &Committing{partitioner: partitioner{kgo.StickyKeyPartitioner(nil)}}
}

// ForTopic is called by the client when it meets a topic, before it sends anything there.
func (c *Committing) ForTopic(topic string) kgo.TopicPartitioner {
	c.first.Store(true)
	return c.partitioner.ForTopic(topic)
}

// Commit ends the transaction of the client, all records of which have been acknowledged.
func (c *Committing) Commit(ctx context.Context, client *kgo.Client) error {
	if c.first.Swap(false) {
		if err := looked(ctx, client); err != nil {
			c.first.Store(true)
			return err
		}
	}
	return client.EndTransaction(ctx, kgo.TryCommit)
}

// looked waits until no look of the client at its topics is under way: what it does about topics, as the purge of one
// that there cannot be, it does between two looks.
func looked(ctx context.Context, client *kgo.Client) error {
	done := make(chan struct{})
	// Ends with the look under way, or with the client.
	go func() {
		defer close(done)
		client.PurgeTopicsFromProducing("")
	}()
	select {
	case <-done:
		return client.Context().Err() // of a client that is closed nothing is known
	case <-ctx.Done():
		return ctx.Err()
	}
}
