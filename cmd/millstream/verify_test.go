package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/topology"
)

// TestVerifyFindsSettingsThatLoseRecords, of changelogs and repartition topics.
func TestVerifyFindsSettingsThatLoseRecords(t *testing.T) {
	const hour = 60 * 60 * 1000
	windows, versions := topology.StoreLock{Kind: "window", RetentionMs: hour}, topology.StoreLock{Kind: "versioned", RetentionMs: hour}
	for name, c := range map[string]struct {
		store    *topology.StoreLock // nil: a repartition topic
		settings map[string]string
		want     string
	}{
		"windows":                             {&windows, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "3600000"}, ""},
		"windows that go too soon":            {&windows, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "1000"}, "is kept for 1s"},
		"versions":                            {&versions, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}, ""},
		"versions that are compacted at once": {&versions, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "0"}, "has min.compaction.lag.ms 0"},
		"records":                             {nil, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, ""},
		"records that expire":                 {nil, map[string]string{"cleanup.policy": "delete", "retention.ms": "60000"}, "has retention.ms 60000"},
		"records in little room":              {nil, map[string]string{"cleanup.policy": "delete", "retention.bytes": "9"}, "has retention.bytes 9"},
		"times of the broker": {nil, map[string]string{"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
			"has message.timestamp.type LogAppendTime"},
	} {
		t.Run(name, func(t *testing.T) {
			one := kadm.ResourceConfig{Name: "topic"}
			for k, v := range c.settings {
				one.Configs = append(one.Configs, kadm.Config{Key: k, Value: &v})
			}
			stores := map[string]topology.StoreLock{}
			if c.store != nil {
				stores["topic"] = *c.store
			}
			var v verification
			require.NoError(t, v.judge(kadm.ResourceConfigs{one}, stores))
			if c.want == "" {
				require.Empty(t, v.found)
				return
			}
			require.Len(t, v.found, 1)
			require.Contains(t, v.found[0].Text, c.want)
		})
	}
}
