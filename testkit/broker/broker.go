package broker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
)

// Broker is a Kafka cluster. Its methods may be called by any goroutine.
type Broker struct {
	addrs   []string
	clients any    // see clientsOf
	stop    func() // ends the broker within the process; nil: it runs elsewhere
}

// clients are those of a cluster. No exported type, method or generic function leads to them, nor does the body of a
// function that is inlined: who imports the package would read their types, and compile much of what these lead to.
type clients struct {
	*kgo.Client
	admin *kadm.Client
}

func clientsOf(b *Broker) *clients { return b.clients.(*clients) }

// Option changes a broker within the process.
type Option func(*options)

// options name no type of kfake, see clients.
type options struct {
	nodes int
	dir   string
	ports []int
	wrong []error
}

func kfakeOpts(o options) []kfake.Opt {
	opts := []kfake.Opt{kfake.NumBrokers(o.nodes)}
	if o.dir != "" {
		opts = append(opts, kfake.DataDir(o.dir))
	}
	if o.ports != nil {
		opts = append(opts, kfake.Ports(o.ports...))
	}
	return opts
}

// Nodes is the number of brokers that the cluster has, each with an address of its own. The default is 1.
func Nodes(n int) Option {
	return func(o *options) {
		if o.nodes = n; n < 1 {
			o.wrong = append(o.wrong, fmt.Errorf("broker: Nodes(%d): a cluster has 1 or more", n))
		}
	}
}

// Dir keeps topics, groups and offsets in a directory, which is made if need be: a broker that is started on it after
// Close has them. One broker at a time uses a directory. After a kill of the process it is of no use: what transactions
// had written by then would be there as if they had been committed. By default all is in memory, and gone with the
// broker.
func Dir(path string) Option {
	return func(o *options) {
		if o.dir = path; path == "" {
			o.wrong = append(o.wrong, errors.New("broker: Dir needs a path"))
		}
	}
}

// Ports are the ports on 127.0.0.1 that the brokers listen at, one for each of Nodes. By default they are chosen anew.
func Ports(ports ...int) Option {
	return func(o *options) { o.ports = ports }
}

// New starts a broker within the process for a test, at whose end it is closed. If that goes wrong the test fails.
func New(tb testing.TB, opts ...Option) *Broker {
	tb.Helper()
	b, err := Start(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

// Start starts a broker within the process, outside of tests. The caller closes it.
func Start(opts ...Option) (*Broker, error) {
	o := options{nodes: 1}
	for _, option := range opts {
		option(&o)
	}
	if err := errors.Join(o.wrong...); err != nil {
		return nil, err
	}
	fake, err := kfake.NewCluster(kfakeOpts(o)...)
	if err != nil {
		return nil, fmt.Errorf("broker: within the process: %w", err)
	}
	b, err := Connect(fake.ListenAddrs()...)
	if err != nil {
		fake.Close()
		return nil, err
	}
	b.stop = fake.Close
	return b, nil
}

// Connect uses a cluster that runs elsewhere, found at addresses as in streams.Config.Brokers. The caller closes it,
// which only disconnects. Whether the cluster is there is seen when it is used.
func Connect(addrs ...string) (*Broker, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(cluster.Partitioner()),
		kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return &Broker{addrs: slices.Clone(addrs), clients: &clients{client, kadm.NewClient(client)}}, nil
}

// Addrs are the addresses, for streams.Config.Brokers.
//
//go:noinline
func (b *Broker) Addrs() []string { return slices.Clone(b.addrs) }

// Close disconnects and ends a broker within the process. It may be called more than once.
//
//go:noinline
func (b *Broker) Close() {
	clientsOf(b).Close()
	if b.stop != nil {
		b.stop()
	}
}
