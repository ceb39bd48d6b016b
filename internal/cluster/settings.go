package cluster

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// settings are the settings of a topic.
func settings(rc kadm.ResourceConfig) map[string]string {
	have := map[string]string{}
	for _, c := range rc.Configs {
		have[c.Key] = c.MaybeValue()
	}
	return have
}

// deleteRetention is how long a compacted topic keeps its deletes at least, 0: they are never compacted away. A topic
// that keeps them for no time at all has a millisecond. Brokers' default is 24 hours.
func deleteRetention(settings map[string]string) time.Duration {
	if !strings.Contains(settings["cleanup.policy"], "compact") {
		return 0
	}
	ms, err := strconv.ParseInt(settings["delete.retention.ms"], 10, 64)
	if err != nil {
		return 24 * time.Hour
	}
	return time.Duration(min(max(ms, 1), Forever.Milliseconds())) * time.Millisecond
}

// limits are the settings of topics by which brokers refuse records.
var limits = []string{
	"max.message.bytes", "segment.bytes", beforeMax, afterMax, "message.timestamp.difference.max.ms", createTime,
}

// Limits is a text that tells the settings of a topic by which brokers refuse records from others. Where the right to
// ask is missing it is empty.
func (c *Cluster) Limits(ctx context.Context, topic string) (string, error) {
	configs, err := c.admin.DescribeTopicConfigs(ctx, topic)
	if err == nil {
		var rc kadm.ResourceConfig
		if rc, err = configs.On(topic, nil); err == nil && rc.Err == nil {
			have, text := settings(rc), ""
			for _, name := range limits {
				text += name + "=" + have[name] + " "
			}
			return text, nil
		}
		err = errors.Join(err, rc.Err)
	}
	if isRights(err) {
		return "", nil
	}
	return "", err
}

// readDeleteRetention adds how long topics keep their deletes. Where the right to ask is missing, it is not known.
func (c *Cluster) readDeleteRetention(ctx context.Context, topics []string, into map[string]time.Duration) {
	if len(topics) == 0 {
		return // no names would mean all topics
	}
	configs, err := c.admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		c.setup.Logger.Warn("settings of topics", "topics", topics, "error", err)
		return
	}
	for _, rc := range configs {
		if rc.Err != nil {
			c.setup.Logger.Warn("settings of topics", "topic", rc.Name, "error", rc.Err)
			continue
		}
		into[rc.Name] = deleteRetention(settings(rc))
	}
}
