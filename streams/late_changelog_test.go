package streams_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// lateChangelog is an application of which a process, the zombie, stands still in the middle of its write to a
// changelog, with three of some keys. The group has given it up, and another one has come to five of each.
type lateChangelog struct {
	*rig
	config     func() streams.Config
	stopZombie func() error
	stop       func() error
	goOn       chan struct{}
}

func newLateChangelog(t *testing.T, successor streams.Guarantee) *lateChangelog {
	l := &lateChangelog{rig: newRigOf(t, kfake.SeedTopics(1, "words", "per-key")), goOn: make(chan struct{})}
	guarantee := streams.AtLeastOnce
	l.config = func() streams.Config {
		c := l.rig.config(t.TempDir())
		c.Guarantee = guarantee
		return c
	}
	l.stopZombie = l.startRunning(countKeys, l.config())
	l.send(20)
	l.requireLast(2)
	held := l.holdChangelog()
	l.send(10)
	<-held
	groups, err := l.admin.DescribeGroups(context.Background(), "app")
	require.NoError(t, err)
	zombie := *groups["app"].Members[0].InstanceID
	_, err = l.admin.LeaveGroup(context.Background(), kadm.LeaveGroup("app").InstanceIDs(zombie))
	require.NoError(t, err)
	guarantee = successor
	l.stop = l.startRunning(countKeys, l.config())
	l.send(20)
	l.requireLast(5)
	l.requireLogged(5)
	return l
}

// requireLogged waits until all ten keys have a count in the changelog: results may be there before.
func (l *lateChangelog) requireLogged(count int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.fake.ListenAddrs()...), kgo.ConsumeTopics("app-per-key-changelog"))
	require.NoError(l.t, err)
	defer client.Close()
	for have := map[string]bool{}; len(have) < 10; {
		client.PollFetches(context.Background()).EachRecord(func(rec *kgo.Record) {
			n, err := serde.Int64.Decode(rec.Value)
			require.NoError(l.t, err)
			if n == count {
				have[string(rec.Key)] = true
			}
		})
	}
}

// holdChangelog keeps the next write to the changelog from the broker, until goOn is closed.
func (l *lateChangelog) holdChangelog() (held <-chan struct{}) {
	holds, changelog := make(chan struct{}), l.fake.TopicInfo("app-per-key-changelog").TopicID
	var found atomic.Bool
	l.fake.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		l.fake.KeepControl()
		for _, t := range req.(*kmsg.ProduceRequest).Topics {
			if (t.Topic == "app-per-key-changelog" || t.TopicID == changelog) && found.CompareAndSwap(false, true) {
				close(holds)
				l.fake.SleepControl(func() { <-l.goOn })
			}
		}
		return nil, nil, false
	})
	return holds
}

// stopBoth stops both processes. The last commit of the zombie may be the one that the group has refused.
func (l *lateChangelog) stopBoth() {
	require.NoError(l.t, l.stop())
	if err := l.stopZombie(); err != nil {
		require.ErrorIs(l.t, err, kerr.UnknownMemberID)
	}
}

// requireRestored starts a process with a new directory, and finds that it counts on to n.
func (l *lateChangelog) requireRestored(n int64) {
	stop := l.startRunning(countKeys, l.config())
	l.send(10)
	l.requireLast(n)
	require.NoError(l.t, stop())
}

// sendOther sends a record of a key that has not been there.
func (l *lateChangelog) sendOther() {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.fake.ListenAddrs()...))
	require.NoError(l.t, err)
	defer client.Close()
	rec := &kgo.Record{Topic: "words", Key: []byte("other"), Value: []byte("w"), Timestamp: time.UnixMilli(1)}
	require.NoError(l.t, client.ProduceSync(context.Background(), rec).FirstErr())
}

// requireMended waits until each key that came late has five in the changelog once more, behind that.
func (l *lateChangelog) requireMended() {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.fake.ListenAddrs()...), kgo.ConsumeTopics("app-per-key-changelog"))
	require.NoError(l.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	late, mended, last := map[string]bool{}, map[string]bool{}, map[string]int64{}
	for len(late) == 0 || len(mended) < len(late) {
		fetches := client.PollFetches(ctx)
		require.NoError(l.t, ctx.Err(), "%d keys of %d; log:\n%s", len(mended), len(late), l.log)
		fetches.EachRecord(func(rec *kgo.Record) {
			n, err := serde.Int64.Decode(rec.Value)
			require.NoError(l.t, err)
			key := string(rec.Key)
			if n < last[key] {
				late[key] = true
			} else if n == 5 && late[key] {
				mended[key] = true
			}
			last[key] = n
		})
	}
}

// TestALateChangelogWriteIsNotRestored: at least once, the write of a process that was given up in the middle of it
// lands behind those of its successor.
func TestALateChangelogWriteIsNotRestored(t *testing.T) {
	l := newLateChangelog(t, streams.AtLeastOnce)
	l.land()
	l.stopBoth()
	l.requireRestored(6)
}

// TestALateChangelogWriteBehindExactlyOnce: the successor has another guarantee, and who comes after it may have again
// that of before.
func TestALateChangelogWriteBehindExactlyOnce(t *testing.T) {
	l := newLateChangelog(t, streams.ExactlyOnce)
	l.land()
	l.stopBoth()
	l.requireRestored(6)
	l.requireRestored(7)
	config := l.config
	l.config = func() streams.Config {
		c := config()
		c.Guarantee = streams.AtLeastOnce
		return c
	}
	l.requireRestored(8)
}

// land lets the late write go on until it is in the changelog.
func (l *lateChangelog) land() {
	end := func() int64 { return l.fake.PartitionInfo("app-per-key-changelog", 0).HighWatermark }
	before := end()
	close(l.goOn)
	require.Eventually(l.t, func() bool { return end() > before }, time.Minute, time.Millisecond)
}

// TestALateChangelogWriteIsMended: the keys never come again, and the log is compacted.
func TestALateChangelogWriteIsMended(t *testing.T) {
	l := newLateChangelog(t, streams.AtLeastOnce)
	close(l.goOn)
	refused := func() bool { return strings.Contains(l.log.String(), "begins again") }
	require.Eventually(t, refused, time.Minute, time.Millisecond)
	l.sendOther()
	l.requireMended()
	l.stopBoth()
	forever := "-1" // the records are of 1970, and the broker deletes by time where it compacts
	_, err := l.admin.AlterTopicConfigs(context.Background(), []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "retention.ms", Value: &forever},
	}, "app-per-key-changelog")
	require.NoError(t, err)
	l.fake.Compact()
	l.requireRestored(6)
}
