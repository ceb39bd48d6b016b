package connect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// createAnew deletes the topic and creates another one of its name, and returns a client that knows that one.
func createAnew(t *testing.T, b *broker.Broker, topic string) *broker.Broker {
	admin := kadm.NewClient(client(t, b))
	_, err := admin.DeleteTopic(t.Context(), topic)
	require.NoError(t, err)
	for {
		_, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, kerr.TopicAlreadyExists)
		time.Sleep(time.Millisecond)
	}
	anew, err := broker.Connect(b.Addrs()...)
	require.NoError(t, err)
	t.Cleanup(anew.Close)
	return anew
}

// TestATopicCreatedAnew is longer than the one that was read: its records are not passed over.
func TestATopicCreatedAnew(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 20)...)
	stop := start(t, runner(t, tab.writer(), config(b, "anew")))
	tab.want(t, latest(numbers(0, 20)...))
	require.NoError(t, stop())
	produce(t, createAnew(t, b, in.Name()), numbers(1000, 30)...)

	var lost *connect.LostRecordsError
	require.ErrorAs(t, runner(t, tab.writer(), config(b, "anew")).Run(t.Context()), &lost)
	require.Equal(t, partition{Topic: "in"}, lost.Partition)
	tab.wantOnce(t, 20)

	tab = newTable() // reset, with the group's offset, which was deleted with the topic
	stop = start(t, runner(t, tab.writer(), config(b, "anew")))
	tab.want(t, latest(numbers(1000, 30)...))
	require.NoError(t, stop())
	tab.wantOnce(t, 30)
}

// TestTheGroupsPlaceInATopicCreatedAnew, as a process commits it that has not seen the topic go, is told by its id. One
// that an earlier version has committed has none, and counts.
func TestTheGroupsPlaceInATopicCreatedAnew(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 20)...)
	forgetful := func() *writer {
		w := tab.writer()
		w.claim = func() error { clear(tab.next); return nil }
		return w
	}
	stop := start(t, runner(t, forgetful(), config(b, "anew")))
	tab.want(t, latest(numbers(0, 20)...))
	require.NoError(t, stop())
	admin := kadm.NewClient(client(t, b))
	committed, err := admin.FetchOffsets(t.Context(), "anew")
	require.NoError(t, err)
	at, ok := committed.Lookup("in", 0)
	require.True(t, ok)
	require.EqualValues(t, 20, at.At)
	require.GreaterOrEqual(t, at.LeaderEpoch, int32(0), "a log that was cut is known by it")

	produce(t, createAnew(t, b, in.Name()), numbers(1000, 30)...)
	admin = kadm.NewClient(client(t, b))
	require.NoError(t, admin.CommitAllOffsets(t.Context(), "anew", committed.Offsets()))
	var lost *connect.LostRecordsError
	require.ErrorAs(t, runner(t, forgetful(), config(b, "anew")).Run(t.Context()), &lost)
	require.ErrorContains(t, lost, "the topic was created anew: offset 20 is a place in the one with id")

	without := kadm.Offsets{}
	without.AddOffset("in", 0, 20, -1)
	require.NoError(t, admin.CommitAllOffsets(t.Context(), "anew", without))
	clear(tab.topics)
	stop = start(t, runner(t, forgetful(), config(b, "anew")))
	tab.want(t, latest(append(numbers(0, 20), numbers(1020, 10)...)...))
	require.NoError(t, stop())
}

// TestATopicCreatedAnewWhileItIsRead ends the Runner: it would wait for ever for the one that is gone.
func TestATopicCreatedAnewWhileItIsRead(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 20)...)
	ended := make(chan error, 1)
	r := runner(t, tab.writer(), config(b, "anew"))
	// Ends by itself.
	go func() { ended <- r.Run(t.Context()) }()
	tab.want(t, latest(numbers(0, 20)...))
	produce(t, createAnew(t, b, in.Name()), numbers(1000, 30)...)
	var lost *connect.LostRecordsError
	require.ErrorAs(t, <-ended, &lost)
	tab.wantOnce(t, 20)
}

// TestALogThatWasCut, as by an unclean election, and is long enough again is known by the epochs of its leaders. A
// leader may be behind with them: the Runner looks twice.
func TestALogThatWasCut(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, in.Name(), dead.Name()))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	b, err := broker.Connect(fake.ListenAddrs()...)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	tab := newTable()
	produce(t, b, numbers(0, 20)...)
	stop := start(t, runner(t, tab.writer(), config(b, "cut")))
	tab.want(t, latest(numbers(0, 20)...))
	require.NoError(t, stop())

	looks := 0
	fake.ControlKey(kmsg.OffsetForLeaderEpoch.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		looks++
		response := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, t := range request.(*kmsg.OffsetForLeaderEpochRequest).Topics {
			topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				partition.Partition, partition.LeaderEpoch, partition.EndOffset = p.Partition, p.LeaderEpoch, 15
				topic.Partitions = append(topic.Partitions, partition)
			}
			response.Topics = append(response.Topics, topic)
		}
		return response, nil, true
	})
	produce(t, b, numbers(20, 10)...)
	r := runner(t, tab.writer(), config(b, "cut"))
	err = r.Run(t.Context())
	var lost *connect.LostRecordsError
	require.ErrorAs(t, err, &lost)
	require.False(t, errors.Is(err, connect.ErrFenced))
	require.EqualValues(t, 1, r.Status().Fenced)
	require.Equal(t, 2, looks)
	tab.wantOnce(t, 20)
}
