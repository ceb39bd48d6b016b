package connect_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

const positions = "counters-positions"

func oneSplit(b *broker.Broker) connect.SourceConfig {
	c := sourceConfig(b)
	c.Splits = 1
	return c
}

// source runs a source whose splits have the numbers up to an end, until the test, or the returned function, ends it.
func source(t *testing.T, c connect.SourceConfig, end int) (ended chan error, stop func() error) {
	r, err := connect.NewSource(in, &counters{end: end, draw: rand.New(rand.NewPCG(1, 1))}, c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- r.Run(ctx) }()
	return ended, func() error {
		cancel()
		return <-ended
	}
}

// carried runs a source until the topic has so many records.
func carried(t *testing.T, b *broker.Broker, c connect.SourceConfig, end, want int) {
	t.Helper()
	ended, stop := source(t, c, end)
	for count(t, b) < want {
		select {
		case err := <-ended:
			require.NoError(t, err)
			require.Fail(t, "the source has ended")
		case <-time.After(time.Millisecond):
		}
	}
	require.NoError(t, stop())
	require.Equal(t, want, count(t, b))
}

// lostPositions runs a source that must end with the error of one that has run before.
func lostPositions(t *testing.T, c connect.SourceConfig, text string) {
	t.Helper()
	ended, _ := source(t, c, 60)
	err := <-ended
	var unfit *connect.SetupError
	require.ErrorAs(t, err, &unfit)
	require.ErrorContains(t, err, `topic "counters-positions" is not as it must be: it `+text)
	require.ErrorContains(t, err, "set SourceConfig.AllowNewPositions")
}

func createPositions(t *testing.T, b *broker.Broker, policy string) {
	_, err := kadm.NewClient(client(t, b)).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &policy},
		positions)
	require.NoError(t, err)
}

// TestDeletedPositions are not created anew without a word, however often the source is started: it would write all
// records a second time. Who wants that says so.
func TestDeletedPositions(t *testing.T) {
	b := fresh(t, 1)
	c := oneSplit(b)
	carried(t, b, c, 50, 50)
	admin := kadm.NewClient(client(t, b))
	_, err := admin.DeleteTopic(t.Context(), positions)
	require.NoError(t, err)
	lostPositions(t, c, "has been deleted, and this source has read before")
	c.Splits = 3
	lostPositions(t, c, "has been deleted")
	topics, err := admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.False(t, topics.Has(positions))
	require.Equal(t, 50, count(t, b))

	c.Splits, c.AllowNewPositions = 1, true
	carried(t, b, c, 50, 100)
	c.AllowNewPositions = false
	carried(t, b, c, 60, 110)
}

// TestEmptiedPositions, as by retention, are told, and do not let a source wait for records that are gone. Those that
// are left after older ones were deleted count.
func TestEmptiedPositions(t *testing.T) {
	b := fresh(t, 1)
	c := oneSplit(b)
	carried(t, b, c, 50, 50)
	admin := kadm.NewClient(client(t, b))
	remove := func(but int64) {
		ends, err := admin.ListEndOffsets(t.Context(), positions)
		require.NoError(t, err)
		end, _ := ends.Lookup(positions, 0)
		to := kadm.Offsets{}
		to.AddOffset(positions, 0, end.Offset-but, -1)
		_, err = admin.DeleteRecords(t.Context(), to)
		require.NoError(t, err)
	}
	remove(2) // the last position, and the end of its transaction
	carried(t, b, c, 55, 55)
	remove(0)
	for range 2 {
		lostPositions(t, c, "has no position of split 0 any more")
	}
	require.Equal(t, 55, count(t, b))
	c.AllowNewPositions = true
	carried(t, b, c, 50, 105)
}

// TestPositionsThatWouldExpire are refused before they do.
func TestPositionsThatWouldExpire(t *testing.T) {
	for _, policy := range []string{"delete", "compact,delete"} {
		b := fresh(t, 1)
		createPositions(t, b, policy)
		ended, _ := source(t, oneSplit(b), 50)
		require.ErrorContains(t, <-ended, `its cleanup.policy is "`+policy+`": positions would be deleted`)
		require.Zero(t, count(t, b))
	}
}

// TestPositionsCreatedAnewMeanwhile, by hand, while the source runs, are not there for the one who opens a split again.
func TestPositionsCreatedAnewMeanwhile(t *testing.T) {
	b := fresh(t, 1)
	c := oneSplit(b)
	c.AllowNewPositions = true // counts for the start only
	ended, _ := source(t, c, 50)
	for count(t, b) < 50 {
		require.NoError(t, t.Context().Err())
	}
	_, err := kadm.NewClient(client(t, b)).DeleteTopic(t.Context(), positions)
	require.NoError(t, err)
	createPositions(t, b, "compact") // soon the reader fails, and is opened again
	require.ErrorContains(t, <-ended, "has no position of split 0 any more")
	require.Equal(t, 50, count(t, b))
}

// fakeBroker is one whose answers a test can change.
func fakeBroker(t *testing.T) (*kfake.Cluster, *broker.Broker) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, in.Name()))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	b, err := broker.Connect(fake.ListenAddrs()...)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return fake, b
}

// TestPositionsCreatedAnewByHand are missed where the brokers tell that the last transaction was committed. The one
// within this process does not tell, so the test does.
func TestPositionsCreatedAnewByHand(t *testing.T) {
	fake, b := fakeBroker(t)
	c := oneSplit(b)
	carried(t, b, c, 50, 50)
	_, err := kadm.NewClient(client(t, b)).DeleteTopic(t.Context(), positions)
	require.NoError(t, err)
	createPositions(t, b, "compact")
	fake.ControlKey(kmsg.DescribeTransactions.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		response := request.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		for _, id := range request.(*kmsg.DescribeTransactionsRequest).TransactionalIDs {
			state := kmsg.NewDescribeTransactionsResponseTransactionState()
			state.TransactionalID, state.State = id, "CompleteCommit"
			response.TransactionStates = append(response.TransactionStates, state)
		}
		return response, nil, true
	})
	for range 2 {
		lostPositions(t, c, "has no position of split 0 any more")
	}
	require.Equal(t, 50, count(t, b))
	c.AllowNewPositions = true
	carried(t, b, c, 50, 100)
}

// TestPositionsThatAreGoneWhileTheyAreRead are looked for again: the end that was asked for is one that the topic,
// created anew meanwhile, does not have.
func TestPositionsThatAreGoneWhileTheyAreRead(t *testing.T) {
	fake, b := fakeBroker(t)
	createPositions(t, b, "compact")
	gone := false
	fake.ControlKey(kmsg.ListOffsets.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		asked := request.(*kmsg.ListOffsetsRequest).Topics
		if gone || asked[0].Topic != positions || asked[0].Partitions[0].Timestamp != -1 {
			return nil, nil, false
		}
		gone = true
		end := kmsg.NewListOffsetsResponseTopicPartition()
		end.Offset = 10
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic, topic.Partitions = positions, append(topic.Partitions, end)
		response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	carried(t, b, oneSplit(b), 50, 50)
}
