package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/topology"
)

// TestPlannedChangelogs are as an application makes them, with a day on top of what windows keep.
func TestPlannedChangelogs(t *testing.T) {
	day, hour := 24*time.Hour, time.Hour.Milliseconds()
	for name, c := range map[string]struct {
		store                   topology.StoreLock
		policy, retention, lags string
	}{
		"rows":                       {topology.StoreLock{Kind: "key-value"}, "compact", "", ""},
		"windows":                    {topology.StoreLock{Kind: "window", RetentionMs: hour}, "compact,delete", "90000000", ""},
		"windows without a time":     {topology.StoreLock{Kind: "window"}, "compact,delete", "86400000", ""},
		"windows without an end":     {topology.StoreLock{Kind: "window", RetentionMs: 1 << 43}, "compact", "", ""},
		"sessions":                   {topology.StoreLock{Kind: "session", RetentionMs: hour}, "compact,delete", "90000000", ""},
		"what joins look for":        {topology.StoreLock{Kind: "buffer", RetentionMs: hour}, "delete", "90000000", ""},
		"what waits for its time":    {topology.StoreLock{Kind: "buffer"}, "compact", "", ""},
		"versions that can be asked": {topology.StoreLock{Kind: "versioned", RetentionMs: hour}, "compact", "", "90000000"},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&planning{WindowRetention: day}).changelog(c.store)
			want := map[string]string{"cleanup.policy": c.policy, "message.timestamp.type": "CreateTime"}
			if c.retention != "" {
				want["retention.ms"] = c.retention
			}
			if c.lags != "" {
				want["min.compaction.lag.ms"] = c.lags
			}
			require.Equal(t, want, got)
		})
	}
}
