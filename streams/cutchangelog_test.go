package streams_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// diskRig is a rig whose broker can be stopped and started again with what it has on disk.
type diskRig struct {
	*rig
	dir  string
	port int
}

func newDiskRig(t *testing.T) *diskRig {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	r := &diskRig{rig: &rig{t: t, log: &syncBuffer{}}, dir: t.TempDir(), port: port}
	r.up()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(t, err)
	r.admin = kadm.NewClient(client)
	t.Cleanup(func() {
		client.Close()
		r.fake.Close()
	})
	return r
}

func (r *diskRig) up() {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(r.port), kfake.DataDir(r.dir),
		kfake.SeedTopics(1, "words", "per-key"))
	require.NoError(r.t, err)
	r.fake = fake
}

// restarted has the broker do something with the files of a partition while it is away.
func (r *diskRig) restarted(partition string, change func(dir string)) {
	r.fake.Close()
	change(filepath.Join(r.dir, "partitions", partition))
	r.up()
}

// sendAtOnce sends one record for each of some keys, which one commit takes.
func (r *diskRig) sendAtOnce(keys int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	var records []*kgo.Record
	for i := range keys {
		records = append(records, &kgo.Record{Topic: "words", Key: fmt.Append(nil, "k", i), Value: []byte("w")})
	}
	require.NoError(r.t, client.ProduceSync(context.Background(), records...).FirstErr())
}

// TestAChangelogCutWhileRunning: it loses its tail, as after an unclean election, and what is written next makes it as
// long as it was. The application ends with that, and finds it at each start: who restores from the changelog has wrong
// rows, and nothing else shows it.
func TestAChangelogCutWhileRunning(t *testing.T) {
	for name, guarantee := range guarantees {
		for more, keys := range map[string]int{"written less than lost": 1, "written more than lost": 10} {
			t.Run(name+" "+more, func(t *testing.T) {
				r := newDiskRig(t)
				config := r.config(t.TempDir())
				config.Guarantee, config.CommitInterval = guarantee, 100*time.Millisecond
				a, err := streams.New(topo(t, countKeys), config)
				require.NoError(t, err)
				ended := make(chan error, 1)
				patience, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				go func() { ended <- a.Run(patience) }()
				r.send(20)
				r.read("per-key", 20)
				saved := filepath.Join(t.TempDir(), "saved")
				r.restarted(keyLog+"-0", func(dir string) { require.NoError(t, os.CopyFS(saved, os.DirFS(dir))) })
				r.send(1)
				r.read("per-key", 21)
				if keys == 1 {
					r.send(10)
					r.read("per-key", 31)
				}
				r.committedAll(a)
				r.restarted(keyLog+"-0", func(dir string) {
					require.NoError(t, os.RemoveAll(dir))
					require.NoError(t, os.CopyFS(dir, os.DirFS(saved)))
				})
				r.sendAtOnce(keys)
				var lost *streams.LostStateError
				require.ErrorAs(t, <-ended, &lost, "log:\n%s", r.log)
				require.Equal(t, keyLog, lost.Topic)
				require.ErrorContains(t, lost, "lost records while the application ran")
				require.Empty(t, setAside(t, config))
				for range 2 {
					requireStops[*streams.LostStateError](r.rig, countKeys, config)
				}
				config.Accept = streams.AcceptLostState
				_, stop := r.start(countKeys, config)
				r.sendAtOnce(1)
				r.read("per-key", r.sent+keys+1)
				require.NoError(t, stop())
				require.NotEmpty(t, setAside(t, config))
				config.Accept, config.Logger = 0, slog.New(slog.DiscardHandler)
				_, stop = r.start(countKeys, config)
				r.sendAtOnce(1)
				r.read("per-key", r.sent+keys+2)
				require.NoError(t, stop())
			})
		}
	}
}

// TestAChangelogCutWhileRunningAsAccepted goes on with what the changelog has. What it had is set aside.
func TestAChangelogCutWhileRunningAsAccepted(t *testing.T) {
	r := newDiskRig(t)
	config := r.config(t.TempDir())
	config.Accept, config.CommitInterval = streams.AcceptLostState, 100*time.Millisecond
	a, stop := r.start(countKeys, config)
	r.send(1)
	r.read("per-key", 1)
	saved := filepath.Join(t.TempDir(), "saved")
	r.restarted(keyLog+"-0", func(dir string) { require.NoError(t, os.CopyFS(saved, os.DirFS(dir))) })
	r.send(10)
	r.read("per-key", 11)
	r.committedAll(a)
	r.restarted(keyLog+"-0", func(dir string) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(saved)))
	})
	r.sendAtOnce(1)
	r.read("per-key", 12)
	require.NoError(t, stop())
	require.NotEmpty(t, setAside(t, config))
	require.Contains(t, r.log.String(), "begins again on what is there, as accepted")
}

// committedAll waits until the application has committed what was sent, so that its directory has it.
func (r *diskRig) committedAll(a *streams.App) {
	r.snapshotOf(a, func(s streams.Snapshot) bool {
		for _, task := range s.Tasks {
			for _, in := range task.Inputs {
				if in.Committed == int64(r.sent) {
					return true
				}
			}
		}
		return false
	})
}
