package streams_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/streams"
)

// refuse has the broker answer an error to batches of a topic that a function finds, as brokers do for times too far
// from their clocks (message.timestamp.after.max.ms), or that break a rule of theirs.
func (r *rig) refuse(topic string, answer *kerr.Error, bad func(records []byte) bool) {
	r.fake.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		resp, found := req.ResponseKind().(*kmsg.ProduceResponse), false
		for _, rt := range req.Topics {
			name := rt.Topic
			if name == "" {
				name = r.fake.TopicIDInfo(rt.TopicID).Topic
			}
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.NotLeaderForPartition.Code // to be sent again
				if name == topic && bad(rp.Records) {
					sp.ErrorCode, found = answer.Code, true
				}
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, found
	})
}

// later is true for batches with a record behind a time.
func later(limit int64) func(records []byte) bool {
	return func(records []byte) bool {
		var b kmsg.RecordBatch
		return b.ReadFrom(records) == nil && b.MaxTimestamp > limit
	}
}

func (r *rig) produceStamped(topic, key, value string, at int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	rec := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(at)}
	require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
}

// lastTexts keeps the last value of each key, and gives it with its length.
func lastTexts(b *streams.Builder) {
	texts := streams.Aggregate(streams.From(b, in).GroupByKey(), rows,
		func() string { return "" }, func(_, value, text string) string { return value })
	streams.MapValues(texts.ToStream(), func(text string) string { return text[:1] + strconv.Itoa(len(text)) }).To(out)
}

// TestARowThatItsChangelogRefusesForAnother reason than its size costs the record that put it, not all that follow.
func TestARowThatItsChangelogRefusesForAnother(t *testing.T) {
	const limit = 1_000_000
	for answer, bad := range map[*kerr.Error]func(records []byte) bool{
		kerr.InvalidTimestamp: later(limit),
		kerr.InvalidRecord:    func(records []byte) bool { return bytes.Contains(records, []byte("of the future")) },
	} {
		t.Run(answer.Message, func(t *testing.T) {
			r := newRig(t, "in", "out")
			config := r.config(t.TempDir())
			config.OnError = streams.Skip
			r.refuse("app-rows-changelog", answer, bad)
			r.produceStamped("in", "k", "first", 1)
			a, stop := r.start(lastTexts, config)
			r.requireValues("out", "f5")
			r.produceStamped("in", "k", "of the future", limit+1)
			for i := range 5 {
				r.produceStamped("in", "l", strconv.Itoa(i)+"later", int64(2+i))
			}
			r.requireValues("out", "f5", "06", "16", "26", "36", "46")
			require.NoError(t, stop())
			require.Equal(t, map[streams.DropReason]int64{streams.DropProcess: 1}, a.Dropped())
		})
	}
}

// TestATimeThatIsRefused ends the application under Fail, with the record.
func TestATimeThatIsRefused(t *testing.T) {
	for topic, text := range map[string]string{
		"app-rows-changelog": "raise message.timestamp.after.max.ms", "out": "produce of",
	} {
		t.Run(topic, func(t *testing.T) {
			r := newRig(t, "in", "out")
			r.refuse(topic, kerr.InvalidTimestamp, later(10))
			for i := range int64(5) {
				r.produceStamped("in", "k", "x", 1+i)
			}
			r.produceStamped("in", "k", "x", 11)
			err := r.run(lastTexts, r.config(t.TempDir()))
			require.ErrorIs(t, err, kerr.InvalidTimestamp)
			require.ErrorContains(t, err, text)
			require.ErrorContains(t, err, "offset 5")
		})
	}
}

// TestInternalTopicsTakeAnyTime, as event time is the application's; where the broker does not know such settings, as
// before Kafka 3.6, the topics are made without.
func TestInternalTopicsTakeAnyTime(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(strconv.FormatBool(known), func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			if !known {
				r.refuseTimes()
			}
			stop := r.startRunning(countKeys, r.config(t.TempDir()))
			configs, err := r.admin.DescribeTopicConfigs(context.Background(), keyLog)
			require.NoError(t, err)
			have := map[string]string{}
			for _, c := range configs[0].Configs {
				have[c.Key] = c.MaybeValue()
			}
			require.NoError(t, stop())
			require.Equal(t, "compact", have["cleanup.policy"])
			for _, name := range []string{"message.timestamp.before.max.ms", "message.timestamp.after.max.ms"} {
				require.Equal(t, known, have[name] == "9223372036854775807", "%s=%s", name, have[name])
			}
		})
	}
}

// refuseTimes has the broker know no limits of times.
func (r *rig) refuseTimes() {
	r.fake.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		req := kreq.(*kmsg.CreateTopicsRequest)
		resp, unknown := req.ResponseKind().(*kmsg.CreateTopicsResponse), false
		for _, rt := range req.Topics {
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode = rt.Topic, kerr.InvalidConfig.Code
			for _, c := range rt.Configs {
				unknown = unknown || strings.HasSuffix(c.Name, ".max.ms")
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, unknown
	})
}

// sendMany writes records of a kilobyte to the input.
func (r *rig) sendMany(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: "in", Key: fmt.Append(nil, "k", i), Value: []byte(strings.Repeat("x", 1000))})
	}
	require.NoError(r.t, client.ProduceSync(context.Background(), records...).FirstErr())
}

// TestATopicThatTakesSmallBatches refuses those that a client makes of many records, and no record: the application
// goes on with smaller ones, whatever the policy.
func TestATopicThatTakesSmallBatches(t *testing.T) {
	r := newRig(t, "in", "out")
	r.alter("out", "max.message.bytes", "20000")
	r.sendMany(2000)
	a, stop := r.start(func(b *streams.Builder) { streams.From(b, in).To(out) }, r.config(t.TempDir()))
	require.Len(t, r.read("out", 2000), 2000)
	r.requireLog("sends smaller batches")
	searches := strings.Count(r.log.String(), "begins again")
	r.sendMany(5000)
	require.Len(t, r.read("out", 7000), 7000)
	require.NoError(t, stop())
	require.Equal(t, searches, strings.Count(r.log.String(), "begins again"), "it was known; log:\n%s", r.log)
	require.NotContains(t, r.log.String(), "one by one")
	require.Empty(t, a.Dropped())
}

// TestALimitThatWasRaised, as the error asks for: rows that fit are taken from then on.
func TestALimitThatWasRaised(t *testing.T) {
	r := newRig(t, "in", "out")
	config := r.config(t.TempDir())
	config.OnError, config.TopicConfigs = streams.Skip, map[string]string{"max.message.bytes": "20000"}
	a, stop := r.start(lastTexts, config)
	large := strings.Repeat("x", 30_000)
	r.produce("in", "a", "y", "b", large, "c", "yy")
	r.requireValues("out", "y1", "y2")
	r.alter("app-rows-changelog", "max.message.bytes", "1000000")
	r.produce("in", "d", large)
	r.requireValues("out", "y1", "y2", "x30000")
	r.alter("app-rows-changelog", "max.message.bytes", "20000")
	r.produce("in", "e", large, "f", "yyy")
	r.requireValues("out", "y1", "y2", "x30000", "y3")
	require.NoError(t, stop())
	require.Equal(t, map[streams.DropReason]int64{streams.DropProcess: 2}, a.Dropped())
}
