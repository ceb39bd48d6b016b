package streams

import (
	"fmt"
	"iter"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"

	"github.com/millstream-go/millstream/internal/cluster"
)

// Client tells which of its Kafka clients an App is about to make, see Config.KafkaFor.
type Client struct {
	Role   ClientRole
	Worker int // from 0; that of the AdminClient is 0, too
}

// String is the role and, but for the AdminClient, the worker: worker-0.
func (c Client) String() string {
	if c.Role == AdminClient {
		return string(c.Role)
	}
	return fmt.Sprintf("%s-%d", c.Role, c.Worker)
}

// ClientRole is what a Kafka client of an App does.
type ClientRole = cluster.Role

// The clients of an App.
const (
	AdminClient   = cluster.AdminRole   // looks at topics, creates and purges them, leaves the group; one, as long as Run
	WorkerClient  = cluster.WorkerRole  // reads, writes and commits; one of each worker, anew whenever it begins again
	GlobalClient  = cluster.GlobalRole  // reads the topics of global tables; one of each worker, anew in the same way
	RestoreClient = cluster.RestoreRole // reads changelogs while tasks are restored; several of a worker may be at it
)

// clientOpts are the options of a client.
func clientOpts(a *App, c Client) []kgo.Opt {
	opts := append(cluster.Tuning(),
		kgo.SeedBrokers(a.config.Brokers...),
		kgo.ClientID(a.config.AppID),
		kgo.WithLogger(kslog.New(slog.New(a.warnings))),
		kgo.WithHooks(a.reach),
	)
	if c.Role == AdminClient { // there is one for each process, as long as it runs
		opts = append(opts, kgo.UserMetricsFn(func() iter.Seq[kgo.Metric] { return pushed(a) }))
	}
	opts = append(opts, a.config.Kafka...)
	if a.config.KafkaFor != nil {
		opts = append(opts, a.config.KafkaFor(c)...)
	}
	return opts
}
