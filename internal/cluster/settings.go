package cluster

import (
	"context"
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

// deleteRetention is how long a compacted topic keeps its deletes at least, 0: they are never compacted away. Brokers'
// default is 24 hours.
func deleteRetention(settings map[string]string) time.Duration {
	if !strings.Contains(settings["cleanup.policy"], "compact") {
		return 0
	}
	ms, err := strconv.ParseInt(settings["delete.retention.ms"], 10, 64)
	if err != nil {
		return 24 * time.Hour
	}
	return time.Duration(min(ms, Forever.Milliseconds())) * time.Millisecond
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
