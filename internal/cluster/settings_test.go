package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDeleteRetention: a topic that forgets its deletes at once is not one that never does.
func TestDeleteRetention(t *testing.T) {
	for name, c := range map[string]struct {
		policy, retention string
		want              time.Duration
	}{
		"a day":              {"compact", "86400000", 24 * time.Hour},
		"not told":           {"compact,delete", "", 24 * time.Hour},
		"at once":            {"compact", "0", time.Millisecond},
		"for good":           {"compact", "9223372036854775807", Forever},
		"without compaction": {"delete", "0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, deleteRetention(map[string]string{
				"cleanup.policy": c.policy, "delete.retention.ms": c.retention,
			}))
		})
	}
}
