package streams_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	"github.com/millstream-go/millstream/window"
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

// TestTheOffsetThatTheErrorNames does not fit where the changelogs are ahead of the directory: given by hand, it would
// have records count twice. So would any other.
func TestTheOffsetThatTheErrorNames(t *testing.T) {
	for name, guarantee := range guarantees {
		for _, beyond := range []int64{0, 1} {
			t.Run(fmt.Sprint(name, ", and ", beyond), func(t *testing.T) {
				r := newRigOf(t, kfake.SeedTopics(1, "words", "per-key"))
				config := r.config(t.TempDir())
				config.Guarantee = guarantee
				r.played(countKeys, config, 20)
				old := copied(t, config.StateDir)
				r.played(countKeys, config, 20) // the last commit of a process that was killed before its database had it
				r.forgetOffsets()
				config.StateDir = old
				lost := requireStops[*streams.LostOffsetsError](r, countKeys, config)
				require.NotContains(t, lost.Error(), "set the group's offset")
				r.give("words", lost.Stored+beyond)
				for range 2 { // what the first start has restored makes no difference
					again := requireStops[*streams.LostOffsetsError](r, countKeys, config)
					require.Equal(t, []int64{lost.Stored + beyond, lost.Stored}, []int64{again.Committed, again.Stored})
					require.ErrorContains(t, again, "set by hand")
					require.NotContains(t, again.Error(), "set the group's offset")
				}
				config.Accept = streams.AcceptLostOffsets
				r.played(countKeys, config, 0)
			})
		}
	}
}

// give has the group have an offset of a topic with one partition, as Kafka's own tools do.
func (r *rig) give(topic string, offset int64) {
	to := kadm.Offsets{}
	to.AddOffset(topic, 0, offset, -1)
	require.NoError(r.t, r.admin.CommitAllOffsets(context.Background(), "app", to))
}

// TestAnOffsetThatWasGivenByHand, and fits: the directory knows the time, so windows that were closed stay closed.
func TestAnOffsetThatWasGivenByHand(t *testing.T) {
	rows := state.NewWindow("win", serde.String, serde.Int64)
	describe := func(b *streams.Builder) {
		streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(10 * time.Second)).Count(rows).
			Final().ByKey().To(perKey)
	}
	for name, guarantee := range guarantees {
		for _, skipped := range []int64{0, 1} {
			t.Run(fmt.Sprint(name, ", skipped ", skipped), func(t *testing.T) {
				r := newRigOf(t, kfake.SeedTopics(1, "words", "per-key"))
				config := r.config(t.TempDir())
				config.Guarantee = guarantee
				stop := r.startRunning(describe, config)
				r.produceTimed("words", []string{"x", "x", "x"}, []int64{1_000, 2_000, 25_000}) // the last one closes [0,10)
				require.Len(t, r.read("per-key", 1), 1)
				require.NoError(t, stop())
				r.forgetOffsets()
				for range skipped {
					r.produceTimed("words", []string{"x"}, []int64{26_000})
				}
				r.give("words", 3+skipped)
				for range 2 { // the times are the group's from then on
					require.NoError(t, r.startRunning(describe, config)())
					config.StateDir = t.TempDir()
				}
				stop = r.startRunning(describe, config)
				// Late, as its window is out; one that closes nothing; one that closes [20,30).
				r.produceTimed("words", []string{"x", "x", "x"}, []int64{3_000, 26_000, 45_000})
				var got []int64
				for _, rec := range r.read("per-key", 2) {
					n, err := serde.Int64.Decode(rec.Value)
					require.NoError(t, err)
					got = append(got, n)
				}
				require.NoError(t, stop())
				require.Equal(t, []int64{2, 2}, got)
			})
		}
	}
}

// TestAnOffsetThatWasGivenByHandWithoutADirectory: nothing tells whether it fits.
func TestAnOffsetThatWasGivenByHandWithoutADirectory(t *testing.T) {
	r := newRigOf(t, kfake.SeedTopics(1, "words", "per-key"))
	r.played(countKeys, r.config(t.TempDir()), 20)
	r.forgetOffsets()
	r.give("words", 20)
	r.played(countKeys, r.config(t.TempDir()), 20)
	require.Equal(t, int64(4), r.last("k0"))
	r.requireLog("the group's offset was given by hand")
}
