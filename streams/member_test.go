package streams_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// TestACopiedStateDirectory: of two processes with one identity, one stops and says why, and the other goes on.
func TestACopiedStateDirectory(t *testing.T) {
	r := newCountRig(t)
	config, copied := r.config(t.TempDir()), r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(1)
	r.requireCounts("per-key", 1)
	require.NoError(t, stop())
	const id = "app/process-id"
	require.NoError(t, os.Mkdir(filepath.Join(copied.StateDir, "app"), 0o755))
	content, err := os.ReadFile(filepath.Join(config.StateDir, id))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(copied.StateDir, id), content, 0o644))

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	for _, c := range []streams.Config{config, copied} {
		a, err := streams.New(topo(t, countWords), c)
		require.NoError(t, err)
		go func() { ended <- a.Run(ctx) }()
	}
	require.ErrorIs(t, <-ended, streams.ErrFenced)
	r.send(30)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	cancel()
	require.NoError(t, <-ended)
}

// TestAFencedProcessLeavesItsReplacement in the group when it stops: it says which member it is, beside the identity that
// both have.
func TestAFencedProcessLeavesItsReplacement(t *testing.T) {
	r := newCountRig(t)
	var left atomic.Pointer[kmsg.LeaveGroupRequestMember]
	r.fake.ControlKey(int16(kmsg.LeaveGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		leave := req.(*kmsg.LeaveGroupRequest)
		left.Store(&leave.Members[0])
		resp := leave.ResponseKind().(*kmsg.LeaveGroupResponse)
		resp.Members = []kmsg.LeaveGroupResponseMember{{ErrorCode: kerr.FencedInstanceID.Code}} // as Kafka does
		return resp, nil, true
	})
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(1)
	r.requireCounts("per-key", 1)
	groups, err := r.admin.DescribeGroups(context.Background(), "app")
	require.NoError(t, err)
	require.NoError(t, stop())
	require.Equal(t, groups["app"].Members[0].MemberID, left.Load().MemberID)
	require.Equal(t, groups["app"].Members[0].InstanceID, left.Load().InstanceID)
	r.requireLog("another process uses the identity")
}

// TestAZombieCommitsNothing: a process stands still just when it is to join a rebalance, and the group gives it up.
// Another one takes its tasks and goes on with them. When the first is back, its client joins anew by itself, under a
// new name that the group accepts: but what the worker has in hand belongs to the old one.
func TestAZombieCommitsNothing(t *testing.T) {
	r := newRig(t, "words", "per-key")
	count := func(each func(record)) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			streams.From(b, words).Peek(each).GroupByKey().Count(keyRows).ToStream().To(perKey)
		}
	}
	var stand atomic.Bool
	standing, goOn := make(chan struct{}), make(chan struct{})
	_, stopZombie := r.start(count(func(record) {
		if stand.CompareAndSwap(true, false) {
			close(standing)
			<-goOn
		}
	}), r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)

	zombie, wake := r.holdNextRejoin(func() { close(goOn) })
	_, stop := r.start(count(func(record) {}), r.config(t.TempDir()))
	id := <-zombie
	stand.Store(true)
	r.send(20)
	<-standing
	_, err := r.admin.LeaveGroup(context.Background(), kadm.LeaveGroup("app").InstanceIDs(id))
	require.NoError(t, err)
	r.requireCounts("per-key", 10) // by the other process
	close(wake)
	<-goOn
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	require.NoError(t, stopZombie())
}

// holdNextRejoin lets the next member that joins a rebalance stand still, until it is woken. It sends the member's
// identity, and calls joined once its client has joined the group anew.
func (r *rig) holdNextRejoin(joined func()) (identity <-chan string, wake chan<- struct{}) {
	held, waking := make(chan string, 1), make(chan struct{})
	var id atomic.Pointer[string]
	r.fake.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		join := req.(*kmsg.JoinGroupRequest)
		if join.MemberID != "" && id.CompareAndSwap(nil, join.InstanceID) {
			held <- *join.InstanceID
			r.fake.SleepControl(func() { <-waking })
		}
		return nil, nil, false
	})
	var once sync.Once
	r.fake.ControlKey(int16(kmsg.SyncGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if held := id.Load(); held != nil && *held == *req.(*kmsg.SyncGroupRequest).InstanceID {
			once.Do(joined)
		}
		return nil, nil, false
	})
	return held, waking
}

// TestACommitMeetsARebalance: the group moves on between a commit's look at its generation and the broker's. That is no
// reason to begin again.
func TestACommitMeetsARebalance(t *testing.T) {
	for guarantee, fault := range map[streams.Guarantee]kfake.Fault{
		streams.ExactlyOnce: {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 3},
		streams.AtLeastOnce: {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: 3},
	} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			r := newCountRig(t)
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			faults := r.fake.Fault(fault)
			_, stop := r.start(countWords, config)
			r.send(20)
			require.NoError(t, faults.Wait(context.Background(), fault.Count))
			r.send(20)
			r.requireCounts("per-key", 10)
			r.requireCounts("per-word", 7)
			require.NoError(t, stop())
			require.NotContains(t, r.log.String(), "begins again")
		})
	}
}

// TestASlowRecordHoldsUpNoRebalance: of three processes one stands still at a record. The second leaves, and the third
// gets its tasks while the first still stands.
func TestASlowRecordHoldsUpNoRebalance(t *testing.T) {
	r := newRig(t, "words", "per-key")
	var stand atomic.Bool
	standing, goOn := make(chan struct{}), make(chan struct{})
	_, stopFirst := r.start(func(b *streams.Builder) {
		streams.From(b, words).Peek(func(record) {
			if stand.CompareAndSwap(true, false) {
				close(standing)
				<-goOn
			}
		}).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}, r.config(t.TempDir()))
	// Half of what the group gives a member to rejoin.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	next := func() (stop func() error) {
		config := r.config(t.TempDir())
		running := whenRunning(&config)
		_, stop = r.start(func(b *streams.Builder) {
			streams.From(b, words).GroupByKey().Count(keyRows).ToStream().To(perKey)
		}, config)
		select {
		case <-running:
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), r.log)
		}
		return stop
	}
	r.send(20)
	r.requireCounts("per-key", 10)
	stopSecond := next()
	stand.Store(true)
	r.send(20)
	<-standing
	require.NoError(t, stopSecond())
	stopThird := next()
	close(goOn)
	r.requireCounts("per-key", 10)
	require.NoError(t, stopFirst())
	require.NoError(t, stopThird())
}

// whenRunning lets an application tell when its tasks run.
func whenRunning(c *streams.Config) <-chan struct{} {
	running := make(chan struct{})
	var once sync.Once
	c.Events.StateChanged = func(_, is streams.State) {
		if is == streams.Running {
			once.Do(func() { close(running) })
		}
	}
	return running
}

// TestARebalanceMeetsACommit: a process joins while another one is in the middle of a commit.
func TestARebalanceMeetsACommit(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			r := newCountRig(t)
			var first atomic.Bool
			committing, joined := make(chan struct{}), make(chan struct{})
			r.fake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
				r.fake.KeepControl()
				if first.CompareAndSwap(false, true) {
					close(committing)
					r.fake.SleepControl(func() { <-joined })
				}
				return nil, nil, false
			})
			_, stopFirst := r.start(countWords, r.config(t.TempDir()))
			r.send(50)
			<-committing
			joins := r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Count: -1, Observe: true})
			_, stopSecond := r.start(countWords, r.config(t.TempDir()))
			require.NoError(t, joins.Wait(context.Background(), 1))
			close(joined)
			r.send(50)
			r.requireCounts("per-key", 10)
			r.requireCounts("per-word", 7)
			require.NoError(t, stopFirst())
			require.NoError(t, stopSecond())
			require.NotContains(t, r.log.String(), "begins again")
		})
	}
}
