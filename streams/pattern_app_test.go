package streams_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// watching looks for new topics often.
func (r *rig) watching(t *testing.T) streams.Config {
	config := r.config(t.TempDir())
	config.TopicRefresh = 20 * time.Millisecond
	return config
}

func (r *rig) create(topic string, partitions int32) {
	_, err := r.admin.CreateTopic(context.Background(), partitions, -1, nil, topic)
	require.NoError(r.t, err)
}

func copyUsers(b *streams.Builder) { streams.FromPattern(b, perUser).To(out) }

// TestFromPatternPicksUpNewTopics while it runs, with several workers and processes, and counts nothing twice.
func TestFromPatternPicksUpNewTopics(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "user-a", "other", "out")
			first, second := r.watching(t), r.watching(t)
			first.Guarantee, first.Workers, second.Guarantee = guarantee, 2, guarantee
			r.produce("user-a", "a", "1", "b", "2")
			_, stopFirst := r.start(copyUsers, first)
			_, stopSecond := r.start(copyUsers, second)
			r.requireValues("out", "1", "2")
			r.create("user-b", 3) // larger: a task more
			r.produce("user-b", "a", "3", "b", "4", "c", "5", "d", "6")
			r.produce("other", "a", "not")
			r.requireValues("out", "1", "2", "3", "4", "5", "6")
			r.create("user-c", 1)
			r.produce("user-c", "a", "7")
			r.produce("user-a", "a", "8")
			r.requireValues("out", "1", "2", "3", "4", "5", "6", "7", "8")
			require.NoError(t, stopFirst())
			r.produce("user-b", "a", "9", "b", "10", "c", "11")
			r.requireValues("out", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
			require.NoError(t, stopSecond())
		})
	}
}

// TestFromPatternSpreadsTheNews: when one process has found a topic, the others look, too. Until all have, tasks wait for
// inputs that the leader does not know of, or that their member does not.
func TestFromPatternSpreadsTheNews(t *testing.T) {
	for name, looking := range map[string]int{"from the leader": 0, "to the leader": 1} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "user-a", "out")
			configs := []streams.Config{r.watching(t), r.watching(t)}
			configs[1-looking].TopicRefresh = time.Hour
			stopFirst := r.startRunning(copyUsers, configs[0])
			stopSecond := r.startRunning(copyUsers, configs[1])
			r.create("user-b", 2)
			r.produce("user-b", "a", "1", "b", "2", "c", "3", "d", "4")
			r.produce("user-a", "a", "5", "b", "6", "c", "7", "d", "8")
			r.requireValues("out", "1", "2", "3", "4", "5", "6", "7", "8")
			require.NoError(t, stopSecond())
			require.NoError(t, stopFirst())
		})
	}
}

// TestFromPatternWaitsForItsFirstTopic, and creates what is behind it only then.
func TestFromPatternWaitsForItsFirstTopic(t *testing.T) {
	r := newRig(t, "per-key", "per-word")
	stop := r.startRunning(countPatternWords, r.watching(t))
	r.create("words", 2)
	r.send(30)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	r.requireLog("no topic matches yet")
}

// countPatternWords is countWords of topics that match.
func countPatternWords(b *streams.Builder) {
	s := streams.FromPattern(b, streams.NewTopicPattern("wor.+|app-.*", words.Key(), words.Value()))
	s.GroupByKey().Count(keyRows).ToStream().To(perKey)
	streams.GroupBy(s, func(w string) string { return w }, byWord).Count(wordRows).ToStream().To(perWord)
}

// TestFromPatternCountsEachRecordOnce while topics come and the group deals tasks out.
func TestFromPatternCountsEachRecordOnce(t *testing.T) {
	r := newRig(t, "words-0", "per-key", "per-word")
	first := r.watching(t)
	first.Workers = 2
	_, stopFirst := r.start(countPatternWords, first)
	r.sendTo("words-0", 50)
	_, stopSecond := r.start(countPatternWords, r.watching(t))
	for i := range 4 {
		topic := fmt.Sprint("words-", i+1)
		r.create(topic, 2)
		r.sendTo(topic, 50)
		r.sendTo("words-0", 50)
	}
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stopFirst())
	r.sendTo("words-3", 50)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stopSecond())
}

func TestFromPatternSurvivesATopicThatGoes(t *testing.T) {
	r := newRig(t, "user-a", "user-b", "out")
	_, stop := r.start(copyUsers, r.watching(t))
	r.produce("user-a", "a", "1")
	r.produce("user-b", "a", "2")
	r.requireValues("out", "1", "2")
	_, err := r.admin.DeleteTopic(context.Background(), "user-b")
	require.NoError(t, err)
	r.produce("user-a", "b", "3")
	r.requireValues("out", "1", "2", "3")
	r.create("user-b", 1)
	r.produce("user-b", "a", "4")
	r.requireValues("out", "1", "2", "3", "4")
	require.NoError(t, stop())
}

// TestStopWhileTopicsChange: the application is stopped in the midst of the commit with which it goes over to others.
func TestStopWhileTopicsChange(t *testing.T) {
	r := newRig(t, "user-a", "out")
	config := r.watching(t)
	config.Guarantee, config.CommitInterval = streams.AtLeastOnce, time.Hour
	a, err := streams.New(topo(t, copyUsers), config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.fake.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, false
	})
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r.produce("user-a", "a", "1")
	r.requireValues("out", "1")
	r.create("user-b", 1)
	require.NoError(t, <-ended)
	groups, err := r.admin.DescribeGroups(context.Background(), "app")
	require.NoError(t, err)
	require.Empty(t, groups["app"].Members, "it has left the group")
}

// TestFromPatternOfABrokerThatIsBehind: the group deals out partitions of a topic that has grown, and the broker that is
// asked for the topics does not know yet. The worker asks again, but not without end and pause.
func TestFromPatternOfABrokerThatIsBehind(t *testing.T) {
	r := newRig(t, "out")
	r.create("user-a", 1)
	config := r.watching(t)
	config.Kafka = []kgo.Opt{kgo.MetadataMinAge(10 * time.Millisecond), kgo.MetadataMaxAge(20 * time.Millisecond)}
	stop := r.startRunning(copyUsers, config)
	catchUp := r.fallBehind()
	_, err := r.admin.UpdatePartitions(context.Background(), 3, "user-a")
	require.NoError(t, err)
	began := time.Now()
	const again = "worker begins again with other topics"
	require.Eventually(t, func() bool { return strings.Count(r.log.String(), again) > 5 }, time.Minute, time.Millisecond)
	require.Greater(t, time.Since(began), time.Second)
	catchUp()
	r.produce("user-a", "a", "1", "b", "2", "c", "3")
	r.requireValues("out", "1", "2", "3")
	require.NoError(t, stop())
}

// fallBehind makes the broker answer questions for all topics with what they are now, until it catches up.
func (r *rig) fallBehind() (catchUp func()) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	all := kmsg.NewPtrMetadataRequest()
	old, err := all.RequestWith(context.Background(), client)
	require.NoError(r.t, err)
	var behind atomic.Bool
	behind.Store(true)
	r.fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if !behind.Load() || req.(*kmsg.MetadataRequest).Topics != nil {
			return nil, nil, false
		}
		answer := *old
		answer.SetVersion(req.GetVersion())
		return &answer, nil, true
	})
	return func() { behind.Store(false) }
}

// countBehind is countPatternWords behind a repartition topic alone, so that topics may have any number of partitions.
func countBehind(b *streams.Builder) {
	s := streams.FromPattern(b, streams.NewTopicPattern("wor.+", words.Key(), words.Value()))
	streams.GroupBy(s, func(w string) string { return w }, byWord).Count(wordRows).ToStream().To(perWord)
}

// TestFromPatternStopsBeforeKeysAreInTwoTasks: a topic that came has more partitions, and rows are kept by its keys.
func TestFromPatternStopsBeforeKeysAreInTwoTasks(t *testing.T) {
	r := newRig(t, "user-a", "out")
	config := r.watching(t)
	failed := make(chan struct{})
	config.Events.StateChanged = func(_, is streams.State) {
		if is == streams.Failed {
			close(failed)
		}
	}
	_, stop := r.start(func(b *streams.Builder) { streams.FromPattern(b, perUser).ToTable(rows).ToStream().To(out) }, config)
	r.produce("user-a", "a", "1")
	r.requireValues("out", "1")
	r.create("user-large", 3)
	<-failed
	var mismatch *streams.CopartitionError
	require.ErrorAs(t, stop(), &mismatch)
	require.Equal(t, map[string]int32{"user-a": 2, "user-large": 3}, mismatch.Counts)
}

// TestFromPatternStopsBeforeStateThatCannotGrow: internal topics have as many partitions as there were tasks.
func TestFromPatternStopsBeforeStateThatCannotGrow(t *testing.T) {
	r := newRig(t, "words-1", "per-word")
	config := r.watching(t)
	stop := r.startRunning(countBehind, config)
	r.sendTo("words-1", 30)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())

	failed := make(chan struct{})
	config.Events.StateChanged = func(_, is streams.State) {
		if is == streams.Failed {
			close(failed)
		}
	}
	_, stop = r.start(countBehind, config)
	r.sendTo("words-1", 30)
	r.requireCounts("per-word", 7)
	r.create("words-large", 3)
	<-failed
	var wrong *streams.InternalTopicError
	require.ErrorAs(t, stop(), &wrong)
	require.Equal(t, "app-by-word-repartition", wrong.Topic)
	require.ErrorContains(t, wrong, "has 2 partitions, the topology needs 3")
}

// TestFromPatternKeepsStateOfALargerTopicThatGoes: the internal topics stay as large as they are.
func TestFromPatternKeepsStateOfALargerTopicThatGoes(t *testing.T) {
	r := newRig(t, "words-1", "per-word")
	r.create("words-0", 1)
	stop := r.startRunning(countBehind, r.watching(t))
	r.sendTo("words-1", 30)
	r.requireCounts("per-word", 7)
	_, err := r.admin.DeleteTopic(context.Background(), "words-1")
	require.NoError(t, err)
	r.sendTo("words-0", 30)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	stop = r.startRunning(countBehind, r.watching(t))
	r.sendTo("words-0", 30)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
}

func TestATopicThatTwoPatternsMatch(t *testing.T) {
	r := newRig(t, "user-a", "out")
	err := r.run(func(b *streams.Builder) {
		copyUsers(b)
		streams.FromPattern(b, streams.NewTopicPattern(".+-a", in.Key(), in.Value())).To(out)
	}, r.watching(t))
	var ambiguous *streams.AmbiguousTopicError
	require.ErrorAs(t, err, &ambiguous)
	require.Equal(t, "user-a", ambiguous.Topic)
}
