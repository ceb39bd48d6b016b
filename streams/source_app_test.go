package streams_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// startRunning is start, and waits until the application runs.
func (r *rig) startRunning(describe func(b *streams.Builder), config streams.Config) (stop func() error) {
	running := make(chan struct{})
	var once sync.Once
	config.Events.StateChanged = func(_, is streams.State) {
		if is >= streams.Running {
			once.Do(func() { close(running) })
		}
	}
	_, stop = r.start(describe, config)
	<-running
	return stop
}

// produceOld is produce with records that are older.
func (r *rig) produceOld(topic string, age time.Duration, values ...string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
	require.NoError(r.t, err)
	defer client.Close()
	for _, v := range values {
		rec := &kgo.Record{Key: []byte("k"), Value: []byte(v), Timestamp: time.Now().Add(-age)}
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
}

func copyOf(topic streams.Topic[string, string]) func(b *streams.Builder) {
	return func(b *streams.Builder) { streams.From(b, topic).To(out) }
}

// TestFromLatestLeavesOutWhatIsThere at the first start, and nothing after that: not even if the application stops
// before its first record.
func TestFromLatestLeavesOutWhatIsThere(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "in", "out")
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			r.produce("in", "ann", "old", "bob", "old")
			require.NoError(t, r.startRunning(copyOf(in.FromLatest()), config)())
			r.produce("in", "ann", "1", "bob", "2")
			stop := r.startRunning(copyOf(in.FromLatest()), config)
			r.produce("in", "ann", "3")
			r.requireValues("out", "1", "2", "3")
			require.NoError(t, stop())
		})
	}
}

// TestFromLatestDoesNotHoldUpATask: a partition that is read from its end is empty, and known to be.
func TestFromLatestDoesNotHoldUpATask(t *testing.T) {
	r := newRig(t, "in", "other", "out")
	r.produce("other", "ann", "old", "bob", "old")
	stop := r.startRunning(func(b *streams.Builder) { streams.FromAll(b, in, other.FromLatest()).To(out) }, r.config(t.TempDir()))
	r.produce("in", "ann", "1", "bob", "2")
	r.requireValues("out", "1", "2")
	require.NoError(t, stop())
}

func TestFromPastLeavesOutWhatIsOlder(t *testing.T) {
	r := newRig(t, "in", "out")
	r.produceOld("in", 48*time.Hour, "old")
	r.produceOld("in", 12*time.Hour, "1", "2")
	stop := r.startRunning(copyOf(in.FromPast(24*time.Hour)), r.config(t.TempDir()))
	r.requireValues("out", "1", "2")
	require.NoError(t, stop())
}

// TestFromCommittedWantsAnOffset that was committed, and whose record is there.
func TestFromCommittedWantsAnOffset(t *testing.T) {
	r := newRig(t, "in", "out")
	config := r.config(t.TempDir())
	r.produceOld("in", time.Hour, "1", "2", "3")
	var none *streams.NoOffsetError
	other := config
	other.AppID = "without-offsets"
	require.ErrorAs(t, r.run(copyOf(in.FromCommitted()), other), &none)
	require.Equal(t, "in", none.Topic)
	require.Equal(t, []int32{0, 1}, none.Partitions)

	ends, err := r.admin.ListEndOffsets(context.Background(), "in")
	require.NoError(t, err)
	offsets, deleted := kadm.Offsets{}, kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		offsets.AddOffset("in", o.Partition, min(o.Offset, 1), -1)
		deleted.AddOffset("in", o.Partition, min(o.Offset, 2), -1)
	})
	require.NoError(t, r.admin.CommitAllOffsets(context.Background(), "app", offsets))
	stop := r.startRunning(copyOf(in.FromCommitted()), config)
	r.requireValues("out", "2", "3")
	require.NoError(t, stop())

	require.NoError(t, r.admin.CommitAllOffsets(context.Background(), "app", offsets))
	_, err = r.admin.DeleteRecords(context.Background(), deleted)
	require.NoError(t, err)
	require.ErrorAs(t, r.run(copyOf(in.FromCommitted()), config), &none)
	require.Len(t, none.Partitions, 1)
}

// TestARebalanceMeetsTheChoiceOfOffsets: a second process comes while the first asks where a topic ends.
func TestARebalanceMeetsTheChoiceOfOffsets(t *testing.T) {
	r := newRig(t, "in", "out")
	asked, rejoined := make(chan struct{}), make(chan struct{})
	var asks, rejoins sync.Once
	r.fake.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		asks.Do(func() {
			close(asked)
			r.fake.SleepControl(func() { <-rejoined })
		})
		return nil, nil, false
	})
	r.fake.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		select {
		case <-asked:
			if req.(*kmsg.JoinGroupRequest).MemberID != "" {
				rejoins.Do(func() { close(rejoined) })
			}
		default:
		}
		return nil, nil, false
	})
	latest := func(b *streams.Builder) { streams.From(b, in.FromLatest()).To(out) }
	_, stopFirst := r.start(latest, r.config(t.TempDir()))
	<-asked
	_, stopSecond := r.start(latest, r.config(t.TempDir()))
	<-rejoined
	require.Eventually(t, func() bool { return strings.Count(r.log.String(), "first commit") == 2 }, 30*time.Second, time.Millisecond)
	require.NoError(t, stopFirst())
	require.NoError(t, stopSecond())
	require.NotContains(t, r.log.String(), "begins again")
}
