package streams_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/streams"
)

// ending runs an application that works, until it ends by itself after a call.
func (r *rig) ending(describe func(b *streams.Builder), config streams.Config, call func()) error {
	ended, running := make(chan struct{}), make(chan struct{})
	config.TopicRefresh = 50 * time.Millisecond
	config.Events.StateChanged = func(_, is streams.State) {
		switch is {
		case streams.Running:
			select {
			case <-running:
			default:
				close(running)
			}
		case streams.Failed:
			close(ended)
		}
	}
	_, stop := r.start(describe, config)
	<-running
	call()
	<-ended
	return stop()
}

// rekeyedRows has a topic of each kind: an input, a repartition topic, a changelog and one of a global table.
func rekeyedRows(b *streams.Builder) {
	table := streams.GlobalTableFrom(b, labels, nameRows)
	s := streams.From(b, words).Repartition(rekey)
	streams.JoinGlobal(s, table, func(w string) string { return w }, func(w, _ string) string { return w }).
		GroupByKey().Count(keyRows).ToStream().To(counts)
}

// TestATopicDeletedWhileRunning ends the application, with its name, although nothing comes in; so does one that was
// created anew.
func TestATopicDeletedWhileRunning(t *testing.T) {
	for _, topic := range []string{"words", "names", "app-rekey-repartition", "app-per-key-changelog"} {
		for _, anew := range []bool{false, true} {
			t.Run(fmt.Sprint(topic, anew), func(t *testing.T) {
				r := newRig(t, "words", "names", "out")
				err := r.ending(rekeyedRows, r.config(t.TempDir()), func() {
					require.NoError(t, r.fake.DeleteTopic(topic))
					if anew {
						require.NoError(t, r.fake.CreateTopic(topic, 2, nil))
					}
				})
				require.ErrorContains(t, err, topic)
				if topic == "words" || topic == "names" {
					var deleted *streams.DeletedSourceError
					require.ErrorAs(t, err, &deleted)
					require.Equal(t, streams.DeletedSourceError{Topic: topic, Anew: anew}, *deleted)
					return
				}
				var wrong *streams.InternalTopicError
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, topic, wrong.Topic)
				ends, err := r.admin.ListTopics(context.Background(), topic)
				require.NoError(t, err)
				require.Equal(t, anew, ends.Has(topic), "it is not made again")
			})
		}
	}
}

// TestAnOutputDeletedWhileRunning is told, and ends the application once a record is to go there.
func TestAnOutputDeletedWhileRunning(t *testing.T) {
	r := newRig(t, "words", "out")
	err := r.ending(keep, r.config(t.TempDir()), func() {
		require.NoError(t, r.fake.DeleteTopic("out"))
		require.Eventually(t, func() bool { return r.logs("an output topic was deleted") }, time.Minute, time.Millisecond)
		r.produceAt("words", 0, "a", "1")
	})
	var missing *streams.MissingSinkError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []string{"out"}, missing.Topics)
}

// TestAGlobalTopicThatGrows: rows in its new partitions are found, in the session and after a restart.
func TestAGlobalTopicThatGrows(t *testing.T) {
	r := newRig(t, "words", "names", "out")
	config := r.config(t.TempDir())
	config.TopicRefresh = 50 * time.Millisecond
	describe := func(b *streams.Builder) {
		table := streams.GlobalTableFrom(b, labels, nameRows)
		streams.JoinGlobal(streams.From(b, words), table, func(w string) string { return w },
			func(w, name string) string { return w + "=" + name }).To(out)
	}
	stop := r.startRunning(describe, config)
	_, err := r.admin.CreatePartitions(context.Background(), 1, "names")
	require.NoError(t, err)
	r.produceAt("names", 2, "w", "third")
	found := func(n int) {
		require.Eventually(t, func() bool {
			r.produceAt("words", 0, "k", "w")
			ends, err := r.admin.ListCommittedOffsets(context.Background(), "out")
			var written int64
			ends.Each(func(o kadm.ListedOffset) { written += o.Offset })
			return err == nil && written > 0
		}, time.Minute, 10*time.Millisecond)
		require.Equal(t, "w=third", string(r.read("out", n)[n-1].Value))
	}
	found(1)
	require.NoError(t, stop())
	r.produceAt("names", 2, "v", "later")
	stop = r.startRunning(describe, config)
	r.produceAt("words", 1, "k", "v")
	require.Eventually(t, func() bool {
		for _, rec := range r.read("out", 1) {
			if string(rec.Value) == "v=later" {
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, stop())
}

func (r *rig) logs(text string) bool { return strings.Contains(r.log.String(), text) }
