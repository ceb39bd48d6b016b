package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
)

func TestClassify(t *testing.T) {
	for want, errs := range map[class][]error{
		again: {
			store.ErrCorrupt, &task.ProcessError{Err: store.ErrCorrupt}, kerr.NotLeaderForPartition, context.DeadlineExceeded,
			kerr.CoordinatorNotAvailable, errors.New("connection refused"), kgo.ErrClientClosed,
			&task.ProcessError{Err: fmt.Errorf("%w: %w", store.ErrDisk, fs.ErrNotExist)}, // a directory that was removed
		},
		fenced: {kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.TransactionAbortable},
		fatal: {
			&task.ProcessError{Err: errors.New("x")}, &task.ErrStateFormat{}, kerr.FencedInstanceID, kerr.MessageTooLarge,
			kerr.TopicAuthorizationFailed, kerr.InconsistentGroupProtocol, &cluster.InternalTopicError{}, &cluster.GrownTopicError{},
			fmt.Errorf("%w: %w", store.ErrDisk, syscall.EROFS),
			&task.ProcessError{Err: syscall.ENOSPC}, // the user's own file
			&task.PanicError{}, kerr.OffsetMetadataTooLarge, &cluster.SettingsError{Err: errors.New("x")},
			kerr.InvalidSessionTimeout, kerr.InvalidTransactionTimeout, fmt.Errorf("%w: %w", ErrFenced, kerr.ProducerFenced),
		},
		full: {
			fmt.Errorf("%w: %w", store.ErrDisk, syscall.ENOSPC),
			&task.ProcessError{Err: fmt.Errorf("%w: %w", store.ErrDisk, syscall.EDQUOT)},
		},
	} {
		for _, err := range errs {
			require.Equal(t, want, classify(fmt.Errorf("wrapped: %w", err)), "%v", err)
		}
	}
}

// TestDamageIsOfOneTask: only a task that the error names loses its database.
func TestDamageIsOfOneTask(t *testing.T) {
	one, other := graph.TaskID{Sub: 1, Partition: 2}, graph.TaskID{Sub: 3, Partition: 4}
	w := &Worker{config: Config{Topology: &graph.Topology{}}}
	healthy := &task.Error{Task: other, Err: errors.New("x")}
	for name, err := range map[string]error{
		"record": &task.ProcessError{Task: one, Err: store.ErrCorrupt},
		"commit": fmt.Errorf("local state: %w", &task.Error{Task: one, Err: store.ErrCorrupt}),
		"close":  errors.Join(kerr.ProducerFenced, &task.Error{Task: one, Err: store.ErrCorrupt}),
	} {
		id, ok, _ := w.damaged(err)
		require.True(t, ok, name)
		require.Equal(t, one, id, name)
	}
	_, ok, _ := w.damaged(healthy)
	require.False(t, ok)
	_, ok, _ = w.damaged(store.ErrCorrupt)
	require.False(t, ok)
}

// TestATaskNeedsAllItsInputs: without the committed offset of one it would read that from its start.
func TestATaskNeedsAllItsInputs(t *testing.T) {
	g := graph.NewGraph()
	source := func(name string) *graph.Node {
		return graph.AddSource(g, &graph.Topic{Name: name}, serde.Bytes, serde.Bytes, nil)
	}
	node := graph.AddPass(g, "merge", "here", []*graph.Node{source("a"), source("b")})
	graph.AddSink(g, &graph.Topic{Name: "out"}, "here", node, serde.Bytes, serde.Bytes)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	s := &session{config: Config{Topology: topo}}
	s.layout = &cluster.Layout{Partitions: &graph.Partitions{Topics: map[string]int32{"a": 2, "b": 1}}}
	s.assigned = cluster.Offsets{}
	first, second := graph.TaskID{Partition: 0}, graph.TaskID{Partition: 1}

	s.assigned.Add(cluster.Offsets{"a": {0: {Offset: 5}, 1: {Offset: 6}}})
	require.False(t, s.complete(first), "partition 0 of b is to come")
	require.True(t, s.complete(second), "b has no partition 1")
	s.assigned.Add(cluster.Offsets{"b": {0: {Offset: 7}}})
	require.True(t, s.complete(first))
	s.assigned.Remove(map[string][]int32{"a": {0}})
	require.False(t, s.complete(first))
}

func TestEventsWakeAndRelease(t *testing.T) {
	e := newEvents(func() {})
	ctx, cancel := e.untilNext(context.Background(), time.Now().Add(time.Hour))
	defer cancel()
	e.post(func(context.Context) error { return nil })
	<-ctx.Done() // woken by the event, long before the deadline
	_, ok := e.next()
	require.True(t, ok)
	_, ok = e.next()
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
