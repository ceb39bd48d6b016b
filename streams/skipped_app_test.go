package streams_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// startBehind starts an application that reads one topic and has one record of it, and has the brokers delete the next
// ones before it reads them.
func startBehind(t *testing.T, topic streams.Topic[string, string]) (r *rig, a *streams.App, stop func() error) {
	r = newRig(t, "in", "out")
	config := r.config(t.TempDir())
	var begin kadm.Offsets
	begin.AddOffset("in", 0, 0, -1)
	begin.AddOffset("in", 1, 0, -1)
	require.NoError(t, r.admin.CommitAllOffsets(t.Context(), "app", begin))
	a, stop = r.start(copyOf(topic), config)
	r.produceAt("in", 0, "a", "read")
	r.requireValues("out", "read")
	slow := r.fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: "in", Err: kerr.NotLeaderForPartition, Count: -1,
	})
	require.NoError(t, slow.Wait(t.Context(), 3)) // no fetch is under way that could have them
	for range 10 {
		r.produceAt("in", 0, "a", "deleted")
	}
	require.NoError(t, r.fake.DeleteRecords("in", 0, -1))
	r.produceAt("in", 0, "a", "there")
	slow.Remove()
	return r, a, stop
}

// TestRecordsDeletedBeforeARunningTaskReadsThem are told of, once, with the offsets between which they were.
func TestRecordsDeletedBeforeARunningTaskReadsThem(t *testing.T) {
	r, _, stop := startBehind(t, in)
	r.requireValues("out", "read", "there")
	r.produceAt("in", 0, "a", "next")
	r.requireValues("out", "read", "there", "next")
	require.NoError(t, stop())
	require.Equal(t, 1, strings.Count(r.log.String(), "records were deleted before they were read"))
	r.requireLog("topic=in partition=0 from=1 to=11")
}

// TestDeletedRecordsOfATopicReadFromCommittedOffsets are an error, also while the application runs.
func TestDeletedRecordsOfATopicReadFromCommittedOffsets(t *testing.T) {
	_, a, stop := startBehind(t, in.FromCommitted())
	require.Eventually(t, func() bool { return a.State() == streams.Failed }, time.Minute, time.Millisecond)
	var none *streams.NoOffsetError
	require.ErrorAs(t, stop(), &none)
	require.Equal(t, &streams.NoOffsetError{Topic: "in", Partitions: []int32{0}}, none)
}
