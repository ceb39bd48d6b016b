package streams_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestEventsInTheirOrder: an application tells what it does from its start to its stop, restores included, and what its
// commits held.
func TestEventsInTheirOrder(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())

	var heard []string
	var records int64
	config := r.config(t.TempDir()) // which has to restore
	running := make(chan struct{})
	restored := map[string]int64{}
	config.Events = streams.Events{
		StateChanged: func(was, is streams.State) {
			if heard = append(heard, fmt.Sprint(was, " to ", is)); is == streams.Running {
				close(running)
			}
		},
		Assigned:     func(e streams.Tasks) { heard = append(heard, fmt.Sprint("assigned ", e.Tasks)) },
		Revoked:      func(e streams.Tasks) { heard = append(heard, fmt.Sprint("revoked ", e.Tasks)) },
		RestoreBegun: func(e streams.Restore) { heard = append(heard, "restore of "+e.Store+" begun") },
		RestoreEnded: func(e streams.Restore) {
			heard = append(heard, "restore of "+e.Store+" ended")
			restored[e.Store] += e.Records
			require.Zero(t, e.Remaining())
			require.Positive(t, e.Rate())
		},
		Committed: func(e streams.Commit) {
			records += e.Records
			require.Positive(t, e.Took())
			require.Equal(t, 1, e.Commits)
		},
		SessionEnded: func(e streams.SessionEnd) { heard = append(heard, fmt.Sprint("session ended: ", e.Err)) },
	}
	_, stop = r.start(countWords, config)
	<-running
	r.send(20)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())

	require.Equal(t, []string{"created to starting", "starting to joining", "joining to restoring",
		"assigned [0_0 0_1 1_0 1_1]"}, heard[:4])
	require.Equal(t, []string{"restoring to running", "running to stopping", "session ended: <nil>", "stopping to stopped"},
		heard[len(heard)-4:])
	for _, line := range []string{"restore of per-key begun", "restore of per-key ended"} {
		require.Contains(t, heard[4:len(heard)-4], line)
	}
	begun, ended := slices.Index(heard, "restore of per-word begun"), slices.Index(heard, "restore of per-word ended")
	require.Less(t, begun, ended)
	require.GreaterOrEqual(t, restored["per-key"], int64(10), "of 20 changes, those of one commit to one key are one")
	require.GreaterOrEqual(t, restored["per-word"], int64(7))
	require.GreaterOrEqual(t, records, int64(40), "each word is taken by both sub-topologies")
}

// TestEventsOfFailures: a session that ends tells why, before the next one gets the tasks.
func TestEventsOfFailures(t *testing.T) {
	r := newCountRig(t)
	var failed atomic.Bool
	r.fake.ControlKey(int16(kmsg.TxnOffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if !failed.CompareAndSwap(false, true) {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
		for _, t := range req.(*kmsg.TxnOffsetCommitRequest).Topics {
			rt := kmsg.NewTxnOffsetCommitResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.InvalidTxnState.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	config := r.config(t.TempDir())
	var heard []string
	config.Events = streams.Events{
		Assigned: func(streams.Tasks) { heard = append(heard, "assigned") },
		SessionEnded: func(e streams.SessionEnd) {
			heard = append(heard, fmt.Sprint("ended ", errors.Is(e.Err, kerr.InvalidTxnState)))
		},
	}
	_, stop := r.start(countWords, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	require.Equal(t, []string{"assigned", "ended true", "assigned", "ended false"}, heard)
}

// TestEventsOfDrops: what steps drop is told behind the commit, by step and reason, and late records with how late they
// were.
func TestEventsOfDrops(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	got := make(chan streams.Drops, 10)
	config.Events = streams.Events{
		Dropped: func(d streams.Drops) { got <- d },
		Late:    func(d streams.Drops) { got <- d },
	}
	_, stop := r.start(func(b *streams.Builder) {
		numbers := streams.NewTopic("words", serde.String, serde.Int64)
		streams.From(b, numbers).To(streams.NewTopic("per-key", serde.String, serde.Int64))
	}, config)
	r.send(1)
	d := <-got
	require.NoError(t, stop())
	require.Equal(t, streams.Drops{Step: d.Step, Reason: streams.DropDeserialize, Records: 1}, d)
	require.NotEmpty(t, d.Step)
}

// TestEventsOfLateRecords: late records are told with how late they were.
func TestEventsOfLateRecords(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	late := make(chan streams.Drops, 100)
	config.Events.Late = func(d streams.Drops) { late <- d }
	_, stop := r.start(func(b *streams.Builder) {
		back := words.Timestamp(func(r streams.Record[string, string], _ int64) (int64, error) {
			return 1000 * (100 - r.Timestamp), nil
		})
		streams.From(b, back).GroupByKey().WindowedBy(window.Tumbling(time.Second)).
			Count(state.NewWindow("sums", serde.String, serde.Int64)).Final().ByKey().To(perKey)
	}, config)
	r.send(10)
	d := <-late
	require.NoError(t, stop())
	require.Equal(t, streams.DropLate, d.Reason)
	require.Positive(t, d.MaxLateness)
	require.Zero(t, d.MaxLateness%time.Second)
}
