package connect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// By the client's own default, a connector stands still for up to five seconds whenever a leader moves, and a source on
// several brokers for as long before most commits.
func TestConnectorsLookForLeadersAtOnce(t *testing.T) {
	for _, c := range []struct {
		user []kgo.Opt
		want time.Duration
	}{
		{nil, 50 * time.Millisecond},
		{[]kgo.Opt{kgo.MetadataMinAge(time.Second)}, time.Second},
	} {
		client, err := kgo.NewClient(clientOpts([]string{"localhost:1"}, c.user)...)
		require.NoError(t, err)
		assert.Equal(t, c.want, client.OptValue(kgo.MetadataMinAge))
		client.Close()
	}
}
