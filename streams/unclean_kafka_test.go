package streams_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// unclean is a cluster with topics whose leader is elected uncleanly, and an application that reads or writes each.
type unclean struct {
	t        *testing.T
	brokers  []*kafkatest.Broker
	client   *kgo.Client
	admin    *kadm.Client
	log      *syncBuffer
	topics   map[string]int64 // and where they ended before
	patience context.Context
}

func newUnclean(t *testing.T) *unclean {
	u := &unclean{t: t, brokers: kafkatest.StartThree(t), log: &syncBuffer{}, topics: map[string]int64{}}
	var cancel context.CancelFunc
	u.patience, cancel = context.WithTimeout(t.Context(), 15*time.Minute)
	t.Cleanup(cancel)
	var err error
	u.client, err = kgo.NewClient(kgo.SeedBrokers(u.brokers[0].Addrs...), kgo.DisableIdempotentWrite(),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MetadataMinAge(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(u.client.Close)
	u.admin = kadm.NewClient(u.client)
	return u
}

// create creates a topic with copies on the first two brokers, the first one leads it, and either may lead it alone.
func (u *unclean) create(topic, cleanup string) {
	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, -1, -1
	rt.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{1, 2}}}
	for name, value := range map[string]string{
		"cleanup.policy": cleanup, "retention.ms": "-1", "min.insync.replicas": "1",
		"unclean.leader.election.enable": "true",
	} {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, &value
		rt.Configs = append(rt.Configs, config)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(u.patience, u.client)
	require.NoError(u.t, err)
	require.NoError(u.t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	u.topics[topic] = 0
}

// write writes so many records with keys w0 to w9.
func (u *unclean) write(topic string, n int) {
	for i := range n {
		w := fmt.Append(nil, "w", i%10)
		require.NoError(u.t, u.client.ProduceSync(u.patience, &kgo.Record{Topic: topic, Key: w, Value: w}).FirstErr())
	}
}

func (u *unclean) end(topic string) int64 {
	ends, err := u.admin.ListEndOffsets(u.patience, topic)
	require.NoError(u.t, err)
	end, ok := ends.Lookup(topic, 0)
	require.True(u.t, ok)
	require.NoError(u.t, end.Err)
	return end.Offset
}

// until waits for something.
func (u *unclean) until(what string, is func() bool) {
	u.t.Helper()
	for !is() {
		select {
		case <-u.patience.Done():
			u.t.Fatalf("%s did not come; log:\n%s", what, u.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// loser is an application that is to find that a topic has lost records.
type loser struct {
	*unclean
	in, lossy string
	describe  func(b *streams.Builder)
	app       string
	config    streams.Config
}

func (l *loser) run(ctx context.Context) error {
	b := streams.NewBuilder(l.app)
	l.describe(b)
	topo, err := b.Build()
	require.NoError(l.t, err)
	a, err := streams.New(topo, l.config)
	require.NoError(l.t, err)
	return a.Run(ctx)
}

// process runs it until it has processed what its input has.
func (l *loser) process() {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.patience)
	ended := make(chan error, 1)
	go func() { ended <- l.run(ctx) }()
	end := l.end(l.in)
	l.until("a commit", func() bool {
		offsets, err := l.admin.FetchOffsets(ctx, l.app)
		at, ok := offsets.Lookup(l.in, 0)
		return err == nil && ok && at.At >= end
	})
	stop()
	require.NoError(l.t, <-ended, "log:\n%s", l.log)
}

// losers are applications with an input, a changelog and a global table's topic that lose records, on both guarantees.
func (u *unclean) losers() (out []*loser) {
	for _, guarantee := range guarantees {
		for _, lossy := range []string{"input", "changelog", "global"} {
			l := &loser{unclean: u, app: kafkatest.Name("app"), in: kafkatest.Name("in"), lossy: kafkatest.Name("lossy")}
			l.config = streams.Config{
				Brokers: u.brokers[0].Addrs, StateDir: u.t.TempDir(), Guarantee: guarantee, Workers: 1,
				CommitInterval: 100 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(u.log, nil)),
			}
			cleanup := "delete"
			switch lossy {
			case "input":
				l.in = l.lossy
			case "changelog":
				l.lossy, cleanup = l.app+"-rows-changelog", "compact"
			}
			if l.create(l.lossy, cleanup); l.in != l.lossy {
				kafkatest.CreateTopic(u.t, u.brokers[0].Addrs, l.in, 1)
			}
			rows := state.NewKeyValue("rows", serde.String, serde.Int64)
			l.describe = func(b *streams.Builder) {
				in := streams.From(b, streams.NewTopic(l.in, serde.String, serde.String))
				if lossy != "global" {
					in.GroupByKey().Count(rows)
					return
				}
				names := state.NewKeyValue("names", serde.String, serde.String)
				table := streams.GlobalTableFrom(b, streams.NewTopic(l.lossy, serde.String, serde.String), names)
				streams.JoinGlobal(in, table, func(w string) string { return w },
					func(_, name string) int64 { return int64(len(name)) }).GroupByKey().Count(rows)
			}
			out = append(out, l)
		}
	}
	return out
}

// feed writes to what an application reads, and has that processed.
func (l *loser) feed() {
	if l.in != l.lossy && l.lossy != l.app+"-rows-changelog" {
		l.write(l.lossy, 10)
	}
	l.write(l.in, 10)
	l.process()
}

// TestUncleanElectionsWhileAway: the last replica that has all of a topic is gone, and one that lacks the end leads it
// on. By the time the application starts the topic is as long as it was, or longer. A leader that has all is no loss.
func TestUncleanElectionsWhileAway(t *testing.T) {
	u := newUnclean(t)
	leader, follower := u.brokers[0], u.brokers[1]
	losers := u.losers()
	for _, l := range losers {
		l.feed()
	}
	follower.Stop()
	follower.Restart()
	for topic := range u.topics {
		u.until("a replica in sync", func() bool { return len(u.partition(topic).ISR) == 2 })
	}
	leader.Stop()
	for topic := range u.topics {
		u.until("a clean election", func() bool { return u.partition(topic).Leader == 2 })
	}
	leader.Restart()
	for topic := range u.topics {
		u.until("a replica in sync", func() bool { return len(u.partition(topic).ISR) == 2 })
	}
	leader, follower = follower, leader
	for _, l := range losers {
		l.feed() // under the new leader, of which nobody says a word
	}
	follower.Kill()
	for topic := range u.topics {
		u.until("a replica out of sync", func() bool { return len(u.partition(topic).ISR) == 1 })
	}
	for _, l := range losers {
		l.feed()
		u.topics[l.lossy] = u.end(l.lossy)
	}
	leader.Kill()
	follower.Restart()
	for topic, was := range u.topics {
		u.until("an unclean election", func() bool { return u.partition(topic).Leader == 1 })
		require.Less(t, u.end(topic), was)
		for u.end(topic) < was+5 {
			u.writeRow(topic)
		}
	}
	for _, l := range losers {
		err := l.run(u.patience)
		var input *streams.LostInputError
		var rows *streams.LostStateError
		switch {
		case errors.As(err, &input):
			require.Equal(t, l.lossy, input.Topic)
		case errors.As(err, &rows):
			require.Equal(t, l.lossy, rows.Topic)
			require.ErrorContains(t, err, "has lost records since the state was entered")
		default:
			t.Fatalf("%s, which lost records of %s, ended with %v; log:\n%s", l.app, l.lossy, err, u.log)
		}
	}
}

// writeRow writes what may be in each of the topics.
func (u *unclean) writeRow(topic string) {
	row := &kgo.Record{Topic: topic, Key: []byte("w1"), Value: make([]byte, 8)}
	require.NoError(u.t, u.client.ProduceSync(u.patience, row).FirstErr())
}

func (u *unclean) partition(topic string) kadm.PartitionDetail {
	topics, err := u.admin.ListTopics(u.patience, topic)
	if err != nil {
		return kadm.PartitionDetail{Leader: -1}
	}
	return topics[topic].Partitions[0]
}
