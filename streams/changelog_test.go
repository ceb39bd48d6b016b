package streams_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
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
