package connect

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
)

// clientOpts are those of a connector's client: what the library sets, the user's, who may know better, and what the
// connector depends on.
func clientOpts(brokers []string, user []kgo.Opt, own ...kgo.Opt) []kgo.Opt {
	opts := append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(cluster.MetadataMinAge)}, user...)
	return append(opts, own...)
}
