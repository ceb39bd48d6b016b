package streams_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var (
	moreWords = streams.NewTopic("more", serde.String, serde.String)
	perMore   = streams.NewTopic("per-more", serde.String, serde.Int64)
	moreRows  = state.NewKeyValue("more-rows", serde.String, serde.Int64)
)

func countEachKey(b *streams.Builder) {
	streams.From(b, words).GroupByKey().Count(keyRows).ToStream().To(perKey)
}

// TestAnUpgradeThatReadsMore: a process of a new version, which reads one more topic, joins one of the old version,
// whichever of them leads the group. The new topic is read at once, and the group is quiet.
func TestAnUpgradeThatReadsMore(t *testing.T) {
	for name, upgraded := range map[string]func(b *streams.Builder){
		"in a sub-topology of its own": func(b *streams.Builder) {
			streams.From(b, moreWords).GroupByKey().Count(moreRows).ToStream().To(perMore)
			countEachKey(b)
		},
		"in the same sub-topology": func(b *streams.Builder) {
			more := streams.From(b, moreWords)
			more.GroupByKey().Count(moreRows).ToStream().To(perMore)
			streams.From(b, words).Merge(more.Filter(func(string) bool { return false })).
				GroupByKey().Count(keyRows).ToStream().To(perKey)
		},
	} {
		for _, order := range []string{"old leads", "new leads"} {
			t.Run(name+"/"+order, func(t *testing.T) {
				r := newRig(t, "words", "per-key", "more", "per-more")
				versions := []func(b *streams.Builder){countEachKey, upgraded}
				if order == "new leads" {
					versions[0], versions[1] = versions[1], versions[0]
				}
				for i, v := range versions {
					config := r.config(t.TempDir())
					config.AllowNewStores = true
					running := whenRunning(&config)
					_, stop := r.start(v, config)
					defer func() { require.NoError(t, stop()) }()
					<-running
					if i == 0 && order == "old leads" {
						r.send(20)
						r.requireCounts("per-key", 10)
					}
				}
				sent := r.sent
				r.sent = 0
				r.sendTo("more", 20)
				r.requireCounts("per-more", 10)
				r.sent = sent
				r.send(20)
				r.requireCounts("per-key", 10)
				require.LessOrEqual(t, strings.Count(r.log.String(), "asking for a rebalance"), 1)
			})
		}
	}
}

// TestAStopKeepsThePlace: a process that stops and is started again has its tasks, without a rebalance and without
// reading state; only if it is to leave do others get them.
func TestAStopKeepsThePlace(t *testing.T) {
	r := newRig(t, "words", "per-key")
	first, second := r.config(t.TempDir()), r.config(t.TempDir())
	first.StayOnStop = true
	_, stopSecond := r.start(countEachKey, second)
	_, stopFirst := r.start(countEachKey, first)
	require.Eventually(t, func() bool {
		return strings.Count(r.log.String(), "tasks gained") >= 1+strings.Count(r.log.String(), "tasks lost") &&
			strings.Count(r.log.String(), "of_worker=1") >= 2
	}, 30*time.Second, 10*time.Millisecond, r.log)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stopFirst())
	log := r.log.String()
	_, stopFirst = r.start(countEachKey, first)
	r.send(20)
	r.requireCounts("per-key", 10)
	later := strings.TrimPrefix(r.log.String(), log)
	require.NotContains(t, later, "tasks lost")
	require.NotRegexp(t, "replayed=[1-9]", later)
	require.NoError(t, stopFirst())
	require.NoError(t, stopSecond())
}

// TestFewerWorkersThanBefore: those that are not there any more leave, with their transactions, so that their tasks
// need not wait for the session timeout.
func TestFewerWorkersThanBefore(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.StayOnStop, config.SessionTimeout, config.Workers = true, 5*time.Minute, 2
	_, stop := r.start(countEachKey, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.Eventually(t, func() bool {
		first, second := r.owner("words", 0), r.owner("words", 1)
		return first != "" && second != "" && first != second
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, stop())
	config.Workers = 1
	_, stop = r.start(countEachKey, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	r.requireLog("fewer workers than before")
}

// TestTheTransactionOfALostProcessIsEnded: the group gives up a process that stands still with an open transaction.
// Who has its tasks now need not wait until the brokers end that.
func TestTheTransactionOfALostProcessIsEnded(t *testing.T) {
	r := newRig(t, "words", "per-key")
	var stand atomic.Bool
	standing, goOn := make(chan struct{}), make(chan struct{})
	lost, config := r.config(t.TempDir()), r.config(t.TempDir())
	lost.TransactionTimeout, lost.CommitInterval = 10*time.Minute, time.Minute
	running := whenRunning(&lost)
	_, stopLost := r.start(func(b *streams.Builder) {
		streams.From(b, words).Peek(func(record) {
			if stand.CompareAndSwap(true, false) {
				close(standing)
				<-goOn
			}
		}).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}, lost)
	<-running
	described := r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Count: -1, Observe: true})
	_, stop := r.start(countEachKey, config)
	require.NoError(t, described.Wait(context.Background(), 4), "the second process has seen the first one")
	r.send(20)
	for stand.Store(true); ; r.send(1) {
		select {
		case <-standing:
		default:
			continue
		}
		break
	}
	id, err := os.ReadFile(filepath.Join(lost.StateDir, "app", "process-id"))
	require.NoError(t, err)
	_, err = r.admin.LeaveGroup(context.Background(), kadm.LeaveGroup("app").InstanceIDs("app-"+string(id)+"-0"))
	require.NoError(t, err)
	r.requireCounts("per-key", 10)
	close(goOn)
	require.NoError(t, stop())
	require.NoError(t, stopLost())
}

// TestLeftoversAreRemoved once another process has gone on with their tasks, and not sooner.
func TestLeftoversAreRemoved(t *testing.T) {
	r := newRig(t, "words", "per-key")
	first, second := r.config(t.TempDir()), r.config(t.TempDir())
	first.CleanupDelay = 50 * time.Millisecond
	dirs := func() []string {
		found, err := filepath.Glob(filepath.Join(first.StateDir, "app", "0_*"))
		require.NoError(t, err)
		return found
	}
	_, stopFirst := r.start(countEachKey, first)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.Len(t, dirs(), 2)
	running := whenRunning(&second)
	_, stopSecond := r.start(countEachKey, second)
	<-running
	described := r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Count: -1, Observe: true})
	require.NoError(t, described.Wait(context.Background(), 3))
	require.Len(t, dirs(), 2, "the nearest copy, for all that is known")
	r.send(20)
	r.requireCounts("per-key", 10)
	require.Eventually(t, func() bool { return len(dirs()) == 1 }, 30*time.Second, 10*time.Millisecond, r.log)
	require.Eventually(t, func() bool { return r.logs("removed the state of a task that another process has") },
		time.Minute, time.Millisecond)
	require.NoError(t, stopSecond())
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stopFirst())
	_, err := os.Stat(filepath.Join(first.StateDir, "app", "process-id"))
	require.NoError(t, err)
}
