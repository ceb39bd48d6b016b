package streams_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// wire is the network of one process.
type wire struct {
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

func (w *wire) dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut {
		return nil, errors.New("the network is cut")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, host)
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return c, err
}

// cut breaks all connections, and lets no new one come about until it is mended.
func (w *wire) cut(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut = yes; !yes {
		return
	}
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// TestRowsOlderThanTheDeletes: a process is cut off from the brokers for longer than a changelog keeps its deletes. Its
// rows are still there when it comes back, those in memory as well, and have what was deleted meanwhile.
func TestRowsOlderThanTheDeletes(t *testing.T) {
	for name, table := range map[string]state.KeyValue[string, string]{
		"disk":   state.NewKeyValue("rows", serde.String, serde.String),
		"memory": state.NewKeyValue("rows", serde.String, serde.String).InMemory(),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRigOf(t, kfake.SeedTopics(1, "words", "in", "out", "changes"))
			changes := streams.NewTopic("changes", serde.String, serde.String)
			describe := func(b *streams.Builder) {
				rows := streams.TableFrom(b, words, table)
				rows.ToStream().To(changes)
				streams.LeftJoin(streams.From(b, in), rows, func(v string, row streams.Optional[string]) string {
					return v + "=" + row.Value
				}).To(out)
			}
			first, w := r.config(t.TempDir()), &wire{}
			first.TopicConfigs = map[string]string{"delete.retention.ms": "1"}
			first.Kafka = append(first.Kafka, kgo.Dialer(w.dial))
			stopFirst := r.startRunning(describe, first)
			r.produce("words", "pin", "0", "k", "old", "other", "1") // the first one is where the log begins, and stays
			r.read("changes", 3)
			r.produce("in", "k", "a")
			r.requireValues("out", "a=old")

			groups, err := r.admin.DescribeGroups(context.Background(), "app")
			require.NoError(t, err)
			w.cut(true)
			_, err = r.admin.LeaveGroup(context.Background(),
				kadm.LeaveGroup("app").InstanceIDs(*groups["app"].Members[0].InstanceID))
			require.NoError(t, err)
			second := r.config(t.TempDir())
			second.TopicConfigs = first.TopicConfigs
			stopSecond := r.startRunning(describe, second)
			r.delete("words", "k")
			for i, value := range []string{"2", "3"} {
				r.read("changes", 4+i) // a commit of its own for each
				r.produce("words", "other", value)
			}
			r.read("changes", 6)
			r.produce("in", "k", "b")
			r.requireValues("out", "a=old", "b=")
			require.NoError(t, stopSecond())
			time.Sleep(2 * time.Millisecond) // which is more than the deletes are kept
			r.fake.Compact()
			r.fake.Compact()

			w.cut(false)
			r.produce("in", "k", "c")
			r.requireValues("out", "a=old", "b=", "c=")
			require.NoError(t, stopFirst())
		})
	}
}

// delete writes the delete of a key to a topic.
func (r *rig) delete(topic, key string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	require.NoError(r.t, client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Key: []byte(key)}).FirstErr())
}
