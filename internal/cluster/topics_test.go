package cluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestATopicThatABrokerDoesNotShowYet is asked for again: without its id the offsets that the group tells would be
// nobody's.
func TestATopicThatABrokerDoesNotShowYet(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "late"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c, hidden := connectTo(t, fake), 0
	fake.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		if hidden == 3 || len(req.Topics) == 0 {
			return nil, nil, false
		}
		hidden++
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, r := range req.Topics {
			t := kmsg.NewMetadataResponseTopic()
			t.Topic, t.ErrorCode = r.Topic, kerr.UnknownTopicOrPartition.Code
			resp.Topics = append(resp.Topics, t)
		}
		return resp, nil, true
	})
	_, ids, err := c.identify(context.Background(), []string{"late"})
	require.NoError(t, err)
	require.Equal(t, 3, hidden)
	require.Equal(t, map[string][16]byte{"late": fake.TopicInfo("late").TopicID}, ids)
	_, _, err = c.identify(context.Background(), []string{"in", "missing"})
	require.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
}

// TestOffsetsOfATopicThatTheSessionDoesNotKnow end it, with what it has done: the next one has the topics as they are.
func TestOffsetsOfATopicThatTheSessionDoesNotKnow(t *testing.T) {
	l := &Layout{TopicIDs: map[string][16]byte{"in": {1}}}
	answer := func(id [16]byte) *kmsg.OffsetFetchResponse {
		topic := kmsg.OffsetFetchResponseGroupTopic{
			TopicID: id, Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{{Offset: 5}},
		}
		return &kmsg.OffsetFetchResponse{
			Groups: []kmsg.OffsetFetchResponseGroup{{Topics: []kmsg.OffsetFetchResponseGroupTopic{topic}}},
		}
	}
	known, err := l.Committed(answer([16]byte{1}))
	require.NoError(t, err)
	require.True(t, known.Has("in", 0))
	_, err = l.Committed(answer([16]byte{2}))
	require.ErrorIs(t, err, ErrTopicsChanged)
}

// TestAnIDThatBecomesKnown is learned: brokers that are upgraded give ids to topics that had none.
func TestAnIDThatBecomesKnown(t *testing.T) {
	var c Cluster
	c.known.ids, c.known.sources = map[string][16]byte{"in": {}}, []string{"in"}
	found := func(id byte) kadm.TopicDetails {
		return kadm.TopicDetails{"in": kadm.TopicDetail{Topic: "in", ID: kadm.TopicID{id}}}
	}
	require.NoError(t, c.changed(found(0)))
	require.NoError(t, c.changed(found(1)))
	require.NoError(t, c.changed(found(0)), "a broker that has not been upgraded yet")
	require.Equal(t, &DeletedSourceError{Topic: "in", Anew: true}, c.changed(found(2)))
}
