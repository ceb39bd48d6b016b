package cluster

import (
	"bytes"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/storage"
)

// described is a topic with settings as a broker tells them; those of others are the brokers'.
func described(own, brokers map[string]string) (rc kadm.ResourceConfig) {
	for source, settings := range map[kmsg.ConfigSource]map[string]string{
		kmsg.ConfigSourceDynamicTopicConfig: own, kmsg.ConfigSourceStaticBrokerConfig: brokers,
	} {
		for k, v := range settings {
			rc.Configs = append(rc.Configs, kadm.Config{Key: k, Value: &v, Source: source})
		}
	}
	return rc
}

// TestInternalTopicsThatLoseRecords are refused, unless Config.TopicConfigs asks for them, or Kafka Streams may have made
// them: then it is told.
func TestInternalTopicsThatLoseRecords(t *testing.T) {
	changelog := internalTopic{name: "changelog", changelog: true}
	versioned := internalTopic{name: "versioned", changelog: true, lag: time.Hour}
	windows := internalTopic{name: "windows", changelog: true, retention: time.Hour}
	repartition := internalTopic{name: "repartition"}
	compact := map[string]string{"cleanup.policy": "compact"}
	with := func(settings map[string]string, name, value string) map[string]string {
		settings = maps.Clone(settings)
		settings[name] = value
		return settings
	}
	const refused, told, silent = "refused", "told", "silent"
	for name, c := range map[string]struct {
		topic   internalTopic
		own     map[string]string
		brokers map[string]string
		want    string
	}{
		"versions that are compacted at once":  {versioned, compact, map[string]string{compactionLag: "0"}, refused},
		"versions, and an old broker":          {versioned, compact, nil, refused},
		"versions that are compacted too soon": {versioned, with(compact, compactionLag, "3599999"), nil, refused},
		"versions":                             {versioned, with(compact, compactionLag, "3600000"), nil, silent},
		"rows":                                 {changelog, compact, map[string]string{compactionLag: "0"}, silent},
		"rows with times of the broker":        {changelog, with(compact, createTime, "LogAppendTime"), nil, refused},
		"rows, and brokers that have times":    {changelog, compact, map[string]string{createTime: "LogAppendTime"}, refused},
		"records with times of the broker":     {repartition, with(RepartitionConfigs(), createTime, "LogAppendTime"), nil, refused},
		"records":                              {repartition, RepartitionConfigs(), nil, silent},
		"records for good":                     {repartition, with(RepartitionConfigs(), "retention.ms", "9223372036854775807"), nil, silent},
		"records that expire":                  {repartition, with(RepartitionConfigs(), "retention.ms", "60000"), nil, refused},
		"records that all topics expire": {repartition, map[string]string{"cleanup.policy": "delete"},
			map[string]string{"retention.ms": "604800000"}, told},
		"records in little room":            {repartition, with(RepartitionConfigs(), "retention.bytes", "1000"), nil, refused},
		"records in the room of all topics": {repartition, RepartitionConfigs(), map[string]string{"retention.bytes": "1000"}, told},
		"windows": {windows, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "3600000"},
			map[string]string{"retention.bytes": "-1"}, silent},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			cluster, setup := &Cluster{}, Setup{Logger: slog.New(slog.NewTextHandler(&log, nil))}
			for range 2 {
				err := cluster.checkLosses(setup, c.topic, described(c.own, c.brokers))
				require.Equal(t, c.want == refused, err != nil, err)
			}
			require.Equal(t, c.want == told, bytes.Count(log.Bytes(), []byte("may lose records")) == 1, log.String())
			require.Equal(t, c.want != silent, len(Losses(c.topic.changelog, c.topic.lag, settings(described(c.own, c.brokers)))) == 1)
			setup.TopicConfigs = maps.Clone(c.own)
			maps.Copy(setup.TopicConfigs, c.brokers)
			if setup.TopicConfigs[compactionLag] != "" || c.topic.lag == 0 {
				require.NoError(t, cluster.checkLosses(setup, c.topic, described(c.own, c.brokers)), "it is asked for")
			}
		})
	}
}

// TestOwnTopicsAreNotRefused: whatever is kept for however long.
func TestOwnTopicsAreNotRefused(t *testing.T) {
	for _, kind := range []storage.Kind{
		storage.KindKeyValue, storage.KindWindow, storage.KindSession, storage.KindBuffer, storage.KindVersioned,
	} {
		for _, keep := range []time.Duration{0, time.Millisecond, time.Hour, Forever, 1<<63 - 1} {
			lag := time.Duration(0)
			if kind == storage.KindVersioned {
				lag = keep
			}
			require.Empty(t, Losses(true, lag, ChangelogConfigs(kind, keep > 0, keep, 0)), "%s %v", kind, keep)
		}
	}
	require.Empty(t, Losses(false, 0, RepartitionConfigs()))
}
