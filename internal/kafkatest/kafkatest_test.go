package kafkatest_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
)

func TestSkippedUnlessEnabled(t *testing.T) {
	t.Setenv("MILLSTREAM_KAFKA", "")
	require.False(t, kafkatest.Enabled())
	for name, needsKafka := range map[string]func(testing.TB){
		"Brokers": func(tb testing.TB) { kafkatest.Brokers(tb) },
		"Start":   func(tb testing.TB) { kafkatest.Start(tb) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { require.True(t, t.Skipped()) }()
			needsKafka(t)
		})
	}
}

func TestSharedBroker(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	require.Equal(t, brokers, kafkatest.Brokers(t), "one broker for all tests of the process")

	topic := kafkatest.Topic(t, brokers, "orders", 3, map[string]string{"segment.bytes": "1048576"})
	other := kafkatest.Topic(t, brokers, "orders", 3, nil)
	require.NotEqual(t, topic, other)
	require.Equal(t, map[string]string{"segment.bytes": "1048576", "retention.ms": "-1"},
		configs(t, brokers, topic, "segment.bytes", "retention.ms"))

	produce(t, brokers, topic, "a")
	require.Equal(t, []string{"a"}, consume(t, brokers, topic, 1))
}

func TestBrokerKeepsItsLog(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := kafkatest.Topic(t, broker.Addrs, "orders", 1, nil)
	produce(t, broker.Addrs, topic, "a")

	broker.Kill()
	require.False(t, listens(broker.Addrs[0]))
	broker.Restart()
	produce(t, broker.Addrs, topic, "b")

	broker.Stop()
	require.False(t, listens(broker.Addrs[0]))
	broker.Restart()
	produce(t, broker.Addrs, topic, "c")

	broker.Pause()
	require.True(t, listens(broker.Addrs[0]), "a process that stands still keeps its socket")
	broker.Resume()
	require.Equal(t, []string{"a", "b", "c"}, consume(t, broker.Addrs, topic, 3))
}

// TestBrokersEndWithTheirOwner: a test process that is killed runs no cleanup.
func TestBrokersEndWithTheirOwner(t *testing.T) {
	broker := kafkatest.Start(t)
	_, port, err := net.SplitHostPort(broker.Addrs[0])
	require.NoError(t, err)
	owner := exec.Command("cat") // until its input ends
	input, err := owner.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())

	script := exec.Command("./kafka.sh", "down")
	script.Env = append(os.Environ(), "KAFKA_PORT="+port)
	require.NoError(t, script.Run())
	script = exec.Command("./kafka.sh", "up")
	script.Env = append(os.Environ(), "KAFKA_PORT="+port, "KAFKA_OWNER="+strconv.Itoa(owner.Process.Pid))
	require.NoError(t, script.Run())
	require.True(t, listens(broker.Addrs[0]))

	require.NoError(t, input.Close())
	require.NoError(t, owner.Wait())
	require.Eventually(t, func() bool { return !listens(broker.Addrs[0]) }, time.Minute, 50*time.Millisecond)
}

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func produce(t *testing.T, brokers []string, topic, value string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr())
}

func consume(t *testing.T, brokers []string, topic string, n int) (values []string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	for len(values) < n {
		fetches := client.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// configs are those of the topic's settings that have the given names.
func configs(t *testing.T, brokers []string, topic string, names ...string) map[string]string {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeTopicConfigs(context.Background(), topic)
	require.NoError(t, err)
	resource, err := described.On(topic, nil)
	require.NoError(t, err)
	values := map[string]string{}
	for _, name := range names {
		for _, c := range resource.Configs {
			if c.Key == name {
				values[name] = c.MaybeValue()
			}
		}
	}
	return values
}
