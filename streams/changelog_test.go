package streams_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestAChangelogThatIsEmptiedWhileItIsRead never gives the records that a restore has set out for.
func TestAChangelogThatIsEmptiedWhileItIsRead(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())

	const changelog = "app-per-key-changelog"
	topics, err := r.admin.ListTopics(context.Background(), changelog)
	require.NoError(t, err)
	ends, err := r.admin.ListEndOffsets(context.Background(), changelog)
	require.NoError(t, err)
	var emptied atomic.Bool
	r.fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			if topic.TopicID == topics[changelog].ID && emptied.CompareAndSwap(false, true) {
				r.fake.SleepControl(func() { _, err = r.admin.DeleteRecords(context.Background(), ends.Offsets()) })
			}
		}
		return nil, nil, false
	})
	config := r.config(t.TempDir())
	running := whenRunning(&config)
	_, stop = r.start(countWords, config)
	<-running
	require.NoError(t, stop())
	require.NoError(t, err)
	require.True(t, emptied.Load())
}

// TestARevokeMeetsARestore: of the tasks that a process restores another one gets some. What stays is read to its end,
// and what goes is restored by the other.
func TestARevokeMeetsARestore(t *testing.T) {
	r := newRig(t, "words", "per-key")
	count := func(b *streams.Builder) { streams.From(b, words).GroupByKey().Count(keyRows).ToStream().To(perKey) }
	_, stop := r.start(count, r.config(t.TempDir()))
	r.send(40)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())

	const changelog = "app-per-key-changelog"
	topics, err := r.admin.ListTopics(context.Background(), changelog)
	require.NoError(t, err)
	restores, goOn := make(chan struct{}, 100), make(chan struct{})
	r.fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			if topic.TopicID == topics[changelog].ID {
				restores <- struct{}{}
				r.fake.SleepControl(func() { <-goOn })
			}
		}
		return nil, nil, false
	})
	_, stopFirst := r.start(count, r.config(t.TempDir()))
	<-restores
	_, stopSecond := r.start(count, r.config(t.TempDir()))
	<-restores // of what stays
	<-restores // of what goes
	close(goOn)
	r.send(40)
	r.requireCounts("per-key", 10)
	require.NoError(t, stopFirst())
	require.NoError(t, stopSecond())
	require.NotContains(t, r.log.String(), "begins again")
}

// TestChangelogsHaveTheSettingsOfKafkaStreams: whichever of the two creates them first. Records that wait for a table
// must not go by age.
func TestChangelogsHaveTheSettingsOfKafkaStreams(t *testing.T) {
	r := newRig(t, "words", "other", "out")
	const day = 24 * time.Hour
	joins := func(b *streams.Builder) {
		s := streams.From(b, words)
		versions := state.NewVersioned("versions", serde.String, serde.String, 5*time.Minute)
		both := func(a, b string) string { return a + b }
		within := window.Within(time.Minute).Grace(30 * time.Second)
		near := state.NewJoin("near", serde.String, serde.String, serde.String)
		streams.JoinStreams(s, streams.From(b, other), within, near, both).To(out)
		held := state.NewBuffer("held", serde.String, serde.String)
		streams.JoinWithGrace(s, streams.VersionedTableFrom(b, other, versions), streams.Inner, time.Minute, held,
			func(r record, row streams.Optional[string]) (streams.Optional[string], error) { return row, nil }).To(out)
		s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(state.NewWindow("minutes", serde.String, serde.Int64))
		s.GroupByKey().Count(keyRows)
	}
	config := r.config(t.TempDir())
	running := whenRunning(&config)
	_, stop := r.start(joins, config)
	<-running
	require.NoError(t, stop())
	requireSettings := func(store string, want map[string]string) {
		t.Helper()
		name := "app-" + store + "-changelog"
		described, err := r.admin.DescribeTopicConfigs(context.Background(), name)
		require.NoError(t, err)
		topic, err := described.On(name, nil)
		require.NoError(t, err)
		have := map[string]string{}
		for _, c := range topic.Configs {
			if _, ok := want[c.Key]; ok {
				have[c.Key] = c.MaybeValue()
			}
		}
		require.Equal(t, want, have, store)
	}
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	for _, side := range []string{"this", "other"} {
		requireSettings("near-"+side+"-join-store", map[string]string{
			"cleanup.policy": "delete", "retention.ms": ms(2*time.Minute + 30*time.Second + day),
		})
	}
	requireSettings("held", map[string]string{"cleanup.policy": "compact"})
	requireSettings("versions", map[string]string{
		"cleanup.policy": "compact", "min.compaction.lag.ms": ms(5*time.Minute + day),
	})
	requireSettings("minutes", map[string]string{"cleanup.policy": "compact,delete", "retention.ms": ms(time.Minute + day)})
	requireSettings("per-key", map[string]string{"cleanup.policy": "compact"})
}
