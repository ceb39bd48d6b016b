package streams_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// anew deletes topics and creates them again, with two partitions.
func (r *rig) anew(topics ...string) {
	for _, topic := range topics {
		_, err := r.admin.DeleteTopic(context.Background(), topic)
		require.NoError(r.t, err)
		r.create(topic, 2)
	}
}

// TestInputCreatedAnew: what is written to it now is not what was read.
func TestInputCreatedAnew(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	r.anew("words")
	for range 2 {
		lost := requireStops[*streams.LostInputError](r, countKeys, config)
		require.Equal(t, "words", lost.Topic)
		require.True(t, lost.Anew)
		require.ErrorContains(t, lost, "AcceptLostInput")
	}
	config.Accept = streams.AcceptLostInput
	_, stop := r.start(countKeys, config)
	r.send(20)
	r.requireCounts("per-key", 10) // on top of the state
	require.NoError(t, stop())
	config.Accept = 0
	_, stop = r.start(countKeys, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestInputCreatedAnewAndSetBack: a group whose offsets were set by hand does not make the state fit.
func TestInputCreatedAnewAndSetBack(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	r.anew("words")
	r.setOffsets("words", 0)
	requireStops[*streams.LostInputError](r, countKeys, config)
}

// setOffsets gives the group an offset for both partitions of a topic.
func (r *rig) setOffsets(topic string, offset int64) {
	to := kadm.Offsets{}
	to.AddOffset(topic, 0, offset, -1)
	to.AddOffset(topic, 1, offset, -1)
	require.NoError(r.t, r.admin.CommitAllOffsets(context.Background(), "app", to))
}

// TestInputShorterThanItsOffset: with and without state, records below the offset would be taken for read.
func TestInputShorterThanItsOffset(t *testing.T) {
	for name, describe := range map[string]func(b *streams.Builder){
		"state": countKeys,
		"no state": func(b *streams.Builder) {
			streams.MapValues(streams.From(b, words), func(string) int64 { return 1 }).To(perKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			config := r.config(t.TempDir())
			r.played(describe, config, 20)
			r.setOffsets("words", 1000)
			lost := requireStops[*streams.LostInputError](r, describe, config)
			require.Equal(t, int64(1000), lost.Offset)
			require.Less(t, lost.End, int64(20))
			require.False(t, lost.Anew)
			config.Accept = streams.AcceptLostInput
			stop := r.startRunning(describe, config)
			r.send(20) // what comes before it is there would count as lost
			r.read("per-key", 40)
			require.NoError(t, stop())
			config.Accept = 0
			r.played(describe, config, 20)
		})
	}
}

// TestOffsetsAreCommittedWithTheirEpoch, which a broker needs to say whether they still mean the same.
func TestOffsetsAreCommittedWithTheirEpoch(t *testing.T) {
	for name, guarantee := range guarantees {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			r.newEpoch("words")
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			r.played(countKeys, config, 20)
			offsets, err := r.admin.FetchOffsets(context.Background(), "app")
			require.NoError(t, err)
			for p := range int32(2) {
				o, ok := offsets.Lookup("words", p)
				require.True(t, ok)
				require.Equal(t, int32(1), o.LeaderEpoch)
			}
		})
	}
}

// newEpoch has the partitions of a topic led anew.
func (r *rig) newEpoch(topic string) {
	for p := range int32(2) {
		require.NoError(r.t, r.fake.MoveTopicPartition(topic, p, r.fake.LeaderFor(topic, p)))
	}
}

// TestInputCutAndGrownAgain: the log is long enough, but from the epoch of the offset there is less in it.
func TestInputCutAndGrownAgain(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	r.cutAt("words", 2)
	lost := requireStops[*streams.LostInputError](r, countKeys, config)
	require.Equal(t, int64(2), lost.End)
	require.Greater(t, lost.Offset, int64(2))
}

// TestInputCutWhileRunning: the new leader of a partition does not have all that was read of it.
func TestInputCutWhileRunning(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	failed := make(chan struct{})
	config.Events.StateChanged = func(_, is streams.State) {
		if is == streams.Failed {
			close(failed)
		}
	}
	_, stop := r.start(countKeys, config)
	r.send(20)
	r.read("per-key", 20)
	r.cutAt("words", 2)
	r.newEpoch("words")
	r.send(1) // which shows the client the new leaders
	<-failed
	var lost *streams.LostInputError
	require.ErrorAs(t, stop(), &lost)
	require.Equal(t, "words", lost.Topic)
	require.Equal(t, int64(2), lost.End)
}

// cutAt has brokers say that the epochs of a topic end at an offset.
func (r *rig) cutAt(topic string, end int64) {
	r.fake.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
		if req.Topics[0].Topic != topic {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, rt := range req.Topics {
			topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
			topic.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				p.Partition, p.LeaderEpoch, p.EndOffset = rp.Partition, rp.LeaderEpoch, end
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}

// TestLeadersThatMove lose nothing, whatever they have forgotten of epochs.
func TestLeadersThatMove(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	_, stop := r.start(countKeys, config)
	for range 3 {
		r.send(20)
		r.read("per-key", r.sent)
		r.newEpoch("words")
	}
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	ends, err := r.admin.ListEndOffsets(context.Background(), "words")
	require.NoError(t, err)
	_, err = r.admin.DeleteRecords(context.Background(), ends.Offsets())
	require.NoError(t, err)
	r.newEpoch("words")
	_, stop = r.start(countKeys, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

// TestGlobalTopicCutAndGrownAgain: the log is long enough, but from the epoch of what was read there is less in it. That
// leaders move is no loss.
func TestGlobalTopicCutAndGrownAgain(t *testing.T) {
	r := newNameRig(t)
	config := r.config(t.TempDir())
	for range 3 {
		r.name()
		r.send(20)
		_, stop := r.start(nameWords, config)
		r.requireNamed()
		require.NoError(t, stop())
		r.newEpoch("names")
	}
	r.cutAt("names", 2)
	lost := requireStops[*streams.LostInputError](r, nameWords, config)
	require.Equal(t, "names", lost.Topic)
	require.Equal(t, int64(2), lost.End)
	require.Greater(t, lost.Offset, int64(2))
	config.Accept = streams.AcceptLostInput
	_, stop := r.start(nameWords, config)
	r.send(20)
	r.requireNamed()
	require.NoError(t, stop())
	require.Contains(t, r.log.String(), "global tables do not fit their topics and are read again")
}

// TestGlobalTopicCreatedAnew: its rows would be gone without a word.
func TestGlobalTopicCreatedAnew(t *testing.T) {
	r := newNameRig(t)
	r.name()
	config := r.config(t.TempDir())
	_, stop := r.start(nameWords, config)
	r.send(20)
	r.requireNamed()
	require.NoError(t, stop())
	r.anew("names")
	r.name() // as long as before, or longer
	r.name()
	lost := requireStops[*streams.LostInputError](r, nameWords, config)
	require.Equal(t, "names", lost.Topic)
	require.True(t, lost.Anew)
	config.Accept = streams.AcceptLostInput
	_, stop = r.start(nameWords, config)
	r.send(20)
	r.requireNamed()
	require.NoError(t, stop())
	config.Accept = 0
	_, stop = r.start(nameWords, config)
	r.send(20)
	r.requireNamed()
	require.NoError(t, stop())
}
