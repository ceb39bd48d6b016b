package worker

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

func TestClassify(t *testing.T) {
	for want, errs := range map[class][]error{
		again: {
			store.ErrCorrupt, &task.ProcessError{Err: store.ErrCorrupt}, kerr.NotLeaderForPartition, context.DeadlineExceeded,
			kerr.CoordinatorNotAvailable, errors.New("connection refused"), kgo.ErrClientClosed,
		},
		fenced: {kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.TransactionAbortable},
		fatal: {
			&task.ProcessError{Err: errors.New("x")}, &task.ErrStateFormat{}, kerr.FencedInstanceID, kerr.MessageTooLarge,
			kerr.TopicAuthorizationFailed, kerr.InconsistentGroupProtocol, syscall.ENOSPC, &InternalTopicError{},
		},
	} {
		for _, err := range errs {
			require.Equal(t, want, classify(fmt.Errorf("wrapped: %w", err)), "%v", err)
		}
	}
}

// TestPartitioner: a partition that is given stays; windowed keys are partitioned by the key alone, as Java does.
func TestPartitioner(t *testing.T) {
	p := Partitioner().ForTopic("t")
	choose := func(o topology.Output) int {
		var r kgo.Record
		NewRecord(&r, &o)
		n := p.Partition(&r, 12)
		require.Equal(t, o.Key, r.Key, "the key is whole again")
		return n
	}
	for key, want := range map[string]int{"alice": 9, "bob": 6, "21": 0, "foobar": 6} {
		require.Equal(t, want, choose(topology.Output{Key: []byte(key), Partition: topology.ByKey}))
		windowed := append([]byte(key), 0, 0, 0, 0, 0, 0, 0xea, 0x60)
		require.Equal(t, want, choose(topology.Output{Key: windowed, Partition: topology.ByKey, HashSuffix: 8}))
		require.Equal(t, 3, choose(topology.Output{Key: []byte(key), Partition: 3}))
	}
}

func TestEventsWakeAndRelease(t *testing.T) {
	e := newEvents()
	ctx, cancel := e.untilNext(context.Background(), time.Now().Add(time.Hour))
	defer cancel()
	e.post(func(context.Context) error { return nil })
	<-ctx.Done() // woken by the event, long before the deadline
	_, ok := e.take()
	require.True(t, ok)
	_, ok = e.take()
	require.False(t, ok)
	released := make(chan struct{})
	go func() {
		e.wait(func(context.Context) error { return nil })
		close(released)
	}()
	e.stop()
	e.stop()
	<-released
}
