package streams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// countSlowly counts words, after a call for each.
func countSlowly(each func(record) error) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		s := streams.From(b, words).FilterRecord(func(r record) (bool, error) { return true, each(r) })
		s.GroupByKey().Count(keyRows).ToStream().To(perKey)
	}
}

// TestSlowStepsGetOn: whatever a record takes beside the timeouts, and however many processes share the work, there are
// commits, and each record counts once. Time is scaled down: transactions of 400 ms in place of 10 s.
func TestSlowStepsGetOn(t *testing.T) {
	const timeout = 400 * time.Millisecond
	for name, slow := range map[string]struct {
		takes   func(n int64) time.Duration
		records int
	}{
		"a little":                {func(int64) time.Duration { return timeout / 50 }, 100},
		"longer than transaction": {func(int64) time.Duration { return timeout * 3 / 2 }, 6},
		"now and then": {func(n int64) time.Duration {
			if n%7 == 3 {
				return timeout * 3 / 2
			}
			return 0
		}, 30},
	} {
		for _, processes := range []int{1, 2} {
			for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
				t.Run(fmt.Sprintf("%s, %d, %v", name, processes, guarantee), func(t *testing.T) {
					t.Parallel()
					r := newSlowRig(t)
					var n atomic.Int64
					count := countSlowly(func(record) error { time.Sleep(slow.takes(n.Add(1))); return nil })
					var stops []func() error
					for range processes {
						config := r.config(t.TempDir())
						config.Guarantee, config.TransactionTimeout = guarantee, timeout
						_, stop := r.start(count, config)
						stops = append(stops, stop)
						r.send(slow.records / processes)
					}
					r.requireCounts("per-key", min(r.sent, 10))
					for _, stop := range stops {
						require.NoError(t, stop())
					}
				})
			}
		}
	}
}

// newSlowRig is newRig without the look for goroutines that are left, which tests side by side have.
func newSlowRig(t *testing.T) *rig {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "words", "per-key"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	return &rig{t: t, fake: fake, log: &syncBuffer{}}
}

// TestARecordLongerThanATransactionIsDoneOnce, after the first time: from then on no transaction is open while records
// are in work.
func TestARecordLongerThanATransactionIsDoneOnce(t *testing.T) {
	r := newRig(t, "words", "per-key")
	var n atomic.Int64
	_, stop := r.start(countSlowly(func(record) error {
		n.Add(1)
		time.Sleep(300 * time.Millisecond)
		return nil
	}), func() streams.Config {
		c := r.config(t.TempDir())
		c.TransactionTimeout = 200 * time.Millisecond
		return c
	}())
	r.send(8)
	r.requireCounts("per-key", 8)
	require.NoError(t, stop())
	require.Equal(t, int64(8), n.Load())
	require.NotContains(t, r.log.String(), "begins again")
}

// TestAStopWaitsForTheRecordInWork, and for no other.
func TestAStopWaitsForTheRecordInWork(t *testing.T) {
	r := newRig(t, "words", "per-key")
	var n atomic.Int64
	begun, goOn := make(chan struct{}), make(chan struct{})
	r.send(300)
	_, stop := r.start(countSlowly(func(record) error {
		if n.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		return nil
	}), r.config(t.TempDir()))
	<-begun
	ended := make(chan error)
	go func() { ended <- stop() }()
	require.Eventually(t, func() bool { return stopping(r) }, time.Minute, time.Millisecond)
	close(goOn)
	require.NoError(t, <-ended)
	require.Equal(t, int64(1), n.Load())

	_, stop = r.start(countSlowly(func(record) error { return nil }), r.config(t.TempDir()))
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

func stopping(r *rig) bool { return strings.Contains(r.log.String(), "is=stopping") }

// TestAStepThatDoesNotEnd is not waited for when the time to stop is over. Its tasks go to another process at once,
// and what it does when it ends after all has no effect. Until then nobody else gets its directory.
func TestAStepThatDoesNotEnd(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			begun, goOn := make(chan struct{}), make(chan struct{})
			var n atomic.Int64
			config := r.config(t.TempDir())
			config.ShutdownTimeout, config.SessionTimeout = 200*time.Millisecond, 4*time.Minute
			config.TransactionTimeout, config.Guarantee = 4*time.Minute, guarantee
			count := countSlowly(func(record) error {
				if n.Add(1) == 5 {
					close(begun)
					<-goOn
				}
				return nil
			})
			a, stop := r.start(count, config)
			r.send(20)
			<-begun
			err := stop()
			var shutdown *streams.ShutdownError
			require.ErrorAs(t, err, &shutdown)
			var busy *streams.BusyError
			require.ErrorAs(t, err, &busy)
			require.Regexp(t, "^0_[01]$", busy.Task)
			require.Equal(t, streams.Failed, a.State())

			other := config
			other.StateDir = t.TempDir()
			_, stopOther := r.start(count, other)
			if guarantee == streams.ExactlyOnce {
				r.requireCounts("per-key", 10)
			} else {
				require.Eventually(t, func() bool { return n.Load() >= 20 }, time.Minute, time.Millisecond)
			}
			require.ErrorIs(t, r.run(count, config), streams.ErrStateLocked)
			close(goOn)
			require.NoError(t, stopOther())
			require.Equal(t, streams.Failed, a.State())
			for { // until the directory is free
				again, stopAgain := r.start(count, config)
				require.Eventually(t, func() bool { return again.State() >= streams.Running }, time.Minute, time.Millisecond)
				if err := stopAgain(); !errors.Is(err, streams.ErrStateLocked) {
					require.NoError(t, err)
					break
				}
			}
			if guarantee == streams.ExactlyOnce {
				r.requireCounts("per-key", 10)
			}
		})
	}
}

// TestAFailureLeavesAtOnce: the tasks of a process that failed for good go to another one, and readers see its results,
// long before the session and the transaction would time out.
func TestAFailureLeavesAtOnce(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.SessionTimeout, config.TransactionTimeout = 4*time.Minute, 4*time.Minute
	config.CommitInterval = time.Minute // so that a transaction is open when it fails
	var n atomic.Int64
	r.send(600)
	err := r.run(countSlowly(func(record) error {
		if n.Add(1) == 590 {
			return errors.New("no further")
		}
		return nil
	}), config)
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	config.StateDir, config.CommitInterval = t.TempDir(), 0
	_, stop := r.start(countSlowly(func(record) error { return nil }), config)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestAFailedLastCommitIsAnError, whether it is refused or the time to stop is over before it is answered.
func TestAFailedLastCommitIsAnError(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			config := r.config(t.TempDir())
			config.ShutdownTimeout = 300 * time.Millisecond
			a, stop := r.start(countSlowly(func(record) error { return nil }), config)
			r.send(5)
			r.requireCounts("per-key", 5)
			away := make(chan struct{})
			asked := make(chan struct{}, 1000)
			r.fake.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
				r.fake.KeepControl()
				if p, ok := req.(*kmsg.ProduceRequest); ok && p.TransactionID == nil {
					return nil, nil, false // the test's own
				}
				asked <- struct{}{}
				r.fake.SleepControl(func() { <-away })
				return nil, nil, false
			})
			r.send(1)
			<-asked
			err := stop()
			close(away)
			var shutdown *streams.ShutdownError
			require.ErrorAs(t, err, &shutdown)
			require.Equal(t, streams.Failed, a.State())
		})
	}
}

// TestAStopWhileStarting is none of the application's failures.
func TestAStopWhileStarting(t *testing.T) {
	r := newRig(t, "words", "per-key")
	for name, address := range map[string]string{"away": "localhost:1", "there": ""} {
		t.Run(name, func(t *testing.T) {
			config := r.config(t.TempDir())
			if address != "" {
				config.Brokers = []string{address}
			}
			ctx, cancel := context.WithCancel(context.Background())
			config.Events.StateChanged = func(_, is streams.State) {
				if is == streams.Starting {
					go cancel()
				}
			}
			a, err := streams.New(topo(t, countSlowly(nil)), config)
			require.NoError(t, err)
			require.NoError(t, a.Run(ctx))
			require.Equal(t, streams.Stopped, a.State())
			require.NotContains(t, r.log.String(), "level=ERROR")
		})
	}
}
