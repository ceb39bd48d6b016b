package streams_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func countKeys(b *streams.Builder) {
	streams.From(b, words).GroupByKey().Count(keyRows).ToStream().To(perKey)
}

// played runs an application over some more words, to its end.
func (r *rig) played(describe func(b *streams.Builder), config streams.Config, n int) {
	r.t.Helper()
	_, stop := r.start(describe, config)
	r.send(n)
	r.read("per-key", r.sent)
	require.NoError(r.t, stop())
}

// requireStops is the error of an application that ends by itself.
func requireStops[E error](r *rig, describe func(b *streams.Builder), config streams.Config) (is E) {
	r.t.Helper()
	require.ErrorAs(r.t, r.run(describe, config), &is)
	return is
}

func (r *rig) forgetOffsets() {
	_, err := r.admin.DeleteGroup(context.Background(), "app")
	require.NoError(r.t, err)
}

// copied is a copy of a state directory.
func copied(t *testing.T, dir string) string {
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

var guarantees = map[string]streams.Guarantee{"exactly once": streams.ExactlyOnce, "at least once": streams.AtLeastOnce}

// TestLostOffsets: the state knows up to where it has counted, and goes on from there.
func TestLostOffsets(t *testing.T) {
	for name, guarantee := range guarantees {
		for start, topic := range map[string]streams.Topic[string, string]{"earliest": words, "latest": words.FromLatest()} {
			t.Run(name+" "+start, func(t *testing.T) {
				r := newRig(t, "words", "per-key")
				config := r.config(t.TempDir())
				config.Guarantee = guarantee
				count := func(b *streams.Builder) {
					streams.From(b, topic).GroupByKey().Count(keyRows).ToStream().To(perKey)
				}
				stop := r.startRunning(count, config)
				r.send(20)
				r.read("per-key", 20)
				require.NoError(t, stop())
				r.forgetOffsets()
				r.send(10) // while it is down
				_, stop = r.start(count, config)
				r.send(10)
				r.requireCounts("per-key", 10)
				require.NoError(t, stop())
				r.requireLog("the input goes on from that of the state")
			})
		}
	}
}

// TestLostOffsetsAndLostState: where the state has got to is not known.
func TestLostOffsetsAndLostState(t *testing.T) {
	for name, guarantee := range guarantees {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			r.played(countKeys, config, 20)
			r.forgetOffsets()
			config.StateDir = t.TempDir()
			for range 2 { // what the first start has restored makes no difference
				lost := requireStops[*streams.LostOffsetsError](r, countKeys, config)
				require.Equal(t, "words", lost.Topic)
				require.Equal(t, []int64{-1, -1}, []int64{lost.Committed, lost.Stored})
				require.ErrorContains(t, lost, "AcceptLostOffsets")
			}
			config.Accept = streams.AcceptLostOffsets
			_, stop := r.start(countKeys, config)
			require.Len(t, r.read("per-key", 40), 40)
			require.NoError(t, stop())
		})
	}
}

// TestLostOffsetsOfStateThatLags: the changelog has more than the state has counted when its offset was committed.
func TestLostOffsetsOfStateThatLags(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	old := copied(t, config.StateDir)
	r.played(countKeys, config, 20)
	r.forgetOffsets()
	config.StateDir = old
	for range 2 {
		lost := requireStops[*streams.LostOffsetsError](r, countKeys, config)
		require.Equal(t, int64(-1), lost.Committed)
		require.Positive(t, lost.Stored)
	}
}

// TestOffsetsThatWereSetBack: what comes again has been counted.
func TestOffsetsThatWereSetBack(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	back := kadm.Offsets{}
	back.AddOffset("words", 0, 0, -1)
	back.AddOffset("words", 1, 0, -1)
	require.NoError(t, r.admin.CommitAllOffsets(context.Background(), "app", back))
	lost := requireStops[*streams.LostOffsetsError](r, countKeys, config)
	require.Zero(t, lost.Committed)
	require.Positive(t, lost.Stored)
	config.Accept = streams.AcceptLostOffsets
	_, stop := r.start(countKeys, config)
	r.read("per-key", 40)
	require.NoError(t, stop())
	config.Accept = 0
	_, stop = r.start(countKeys, config)
	r.send(1)
	r.read("per-key", 41)
	require.NoError(t, stop())
}

// TestOffsetsThatAreNotThereForAMoment: a coordinator that has just taken over may not know them yet.
func TestOffsetsThatAreNotThereForAMoment(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	config.StateDir = t.TempDir() // nothing but the group knows them
	var told atomic.Bool
	r.fake.ControlKey(int16(kmsg.OffsetFetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if !told.CompareAndSwap(false, true) {
			return nil, nil, false
		}
		return noOffsets(kreq.(*kmsg.OffsetFetchRequest)), nil, true
	})
	_, stop := r.start(countKeys, config)
	r.send(10)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	require.True(t, told.Load())
	require.NotContains(t, r.log.String(), "the input goes on from that of the state")
}

// noOffsets is the answer that there are none.
func noOffsets(req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	for _, g := range req.Groups {
		group := kmsg.NewOffsetFetchResponseGroup()
		group.Group = g.Group
		for _, rt := range g.Topics {
			topic := kmsg.NewOffsetFetchResponseGroupTopic()
			topic.Topic, topic.TopicID = rt.Topic, rt.TopicID
			for _, p := range rt.Partitions {
				partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
				partition.Partition, partition.Offset, partition.LeaderEpoch = p, -1, -1
				topic.Partitions = append(topic.Partitions, partition)
			}
			group.Topics = append(group.Topics, topic)
		}
		resp.Groups = append(resp.Groups, group)
	}
	return resp
}

// TestLostOffsetsWithoutState: there is nothing that would count twice, but it is said.
func TestLostOffsetsWithoutState(t *testing.T) {
	r := newRig(t, "in", "out")
	config := r.config(t.TempDir())
	pass := func(b *streams.Builder) { streams.From(b, in).To(out) }
	_, stop := r.start(pass, config)
	r.produce("in", "a", "1")
	r.requireValues("out", "1")
	require.NoError(t, stop())
	r.forgetOffsets()
	_, stop = r.start(pass, config)
	r.requireValues("out", "1", "1")
	require.NoError(t, stop())
	r.requireLog("the group has no offset: the topic is read as it is declared")
}

// TestAnInputThatIsNewToTheState has no offset, as its sibling has one.
func TestAnInputThatIsNewToTheState(t *testing.T) {
	r := newRig(t, "words", "more", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	r.sendTo("more", 10)
	more := streams.NewTopic("more", serde.String, serde.String)
	both := func(b *streams.Builder) {
		streams.From(b, words).Merge(streams.From(b, more)).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}
	_, stop := r.start(both, config)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestLostOffsetsOfRowsInMemory: the directory knows up to where they were committed.
func TestLostOffsetsOfRowsInMemory(t *testing.T) {
	rows := state.NewKeyValue("per-key", serde.String, serde.Int64).InMemory()
	count := func(b *streams.Builder) { streams.From(b, words).GroupByKey().Count(rows).ToStream().To(perKey) }
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(count, config, 20)
	old := copied(t, config.StateDir)
	r.forgetOffsets()
	_, stop := r.start(count, config)
	r.send(10)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	r.forgetOffsets()
	config.StateDir = old
	requireStops[*streams.LostOffsetsError](r, count, config)
}
